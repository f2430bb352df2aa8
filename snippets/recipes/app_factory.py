"""An application factory: each call makes an application with its own admin.

.. testcode::

    from snippets.recipes.app_factory import create_app

    config = {"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}
    for app in create_app(config), create_app(config):
        print(app.test_client().get("/admin/post/").status)

.. testoutput::

    200 OK
    200 OK
"""

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import select

from snippets.models import Post, Tag, User, create_tables
from snippets.views import SecureView, TagView
from snippets.workarounds.lazy_session import LazySession

# region recipe
db = SQLAlchemy()


class PostView(SecureView):
    form_columns = ["title", "author"]
    # A class body runs at import: what needs the session has to be a function.
    form_args = {
        "author": {
            "query_factory": lambda: db.session.scalars(
                select(User).order_by(User.name)
            )
        }
    }


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    session = LazySession(db)
    admin = Admin(app)
    admin.add_view(PostView(Post, session))
    admin.add_view(TagView(Tag, session))
    return app


# endregion recipe
