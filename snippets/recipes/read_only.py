"""An admin that shows everything and changes nothing.

.. testcode::

    from snippets.recipes.read_only import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/post/details/?id=1").status)
    print(client.get("/admin/post/edit/?id=1").location)
    print(client.post("/admin/post/edit/?id=1", data={"title": "Mine"}).status)

.. testoutput::

    200 OK
    /admin/post/
    403 FORBIDDEN
"""

from flask import Flask, request
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import Post, User, create_tables
from snippets.views import PostView, UserView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region recipe
class ReadOnly:
    """Put before a view in the bases of a class; it wins over the view's settings."""

    can_create = False
    can_edit = False
    can_delete = False

    def is_action_allowed(self, name):
        return False

    def is_accessible(self):
        return super().is_accessible() and request.method in {"GET", "HEAD"}


class ReadOnlyUserView(ReadOnly, UserView):
    pass


class ReadOnlyPostView(ReadOnly, PostView):
    pass


# endregion recipe


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    session = LazySession(db)
    admin = Admin(app)
    admin.add_view(ReadOnlyUserView(User, session))
    admin.add_view(ReadOnlyPostView(Post, session))
    return app
