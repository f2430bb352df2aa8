"""Offer rows of the request's own session, so that a form can save them.

.. testcode::

    from snippets.recipes.one_session import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    page = client.get("/admin/post/new/").text
    print("Ada" in page, "Grace" in page)

.. testoutput::

    True False
"""

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import Post, User, create_tables
from snippets.views import SecureView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region recipe
def authors():
    """Return the query of the authors that a form offers.

    Flask-Admin calls it for each form, so the session is that of the request.
    """
    return db.session.query(User).filter(User.email.startswith("a"))


class PostView(SecureView):
    form_columns = ["title", "author"]
    form_args = {"author": {"query_factory": authors}}


# endregion recipe


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    admin = Admin(app)
    admin.add_view(PostView(Post, LazySession(db)))
    return app
