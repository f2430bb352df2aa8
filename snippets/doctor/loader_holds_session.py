"""FAL011: an Ajax loader that is given a session.

.. testcode::

    from snippets.doctor.loader_holds_session import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/post/").status)

.. testoutput::

    200 OK
"""

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla.ajax import QueryAjaxModelLoader
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import Post, User, create_tables
from snippets.views import PostView

db = SQLAlchemy()


# region sick
def post_view():
    class LookupView(PostView):
        form_ajax_refs = {
            "author": QueryAjaxModelLoader("author", db.session, User, fields=["name"])
        }

    return LookupView(Post, db)


# endregion sick


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
        Admin(app).add_view(post_view())
    return app
