"""Hand Flask-Admin an object that looks up the request's session on each use.

.. testcode::

    from snippets.workarounds.lazy_session import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/user/").status)
    print("ada@example.com" in client.get("/admin/user/?search=ada").text)

.. testoutput::

    200 OK
    True
"""

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import Post, Tag, User, create_tables
from snippets.views import PostView, TagView, UserView

db = SQLAlchemy()


class LazySession:
    """Stand in for the session of the current application context.

    :param db: a ``flask_sqlalchemy_lite.SQLAlchemy``.
    :raises RuntimeError: when a session attribute is used outside of an
        application context. Creating the object needs none.
    """

    def __init__(self, db):
        self.db = db

    @property
    def session(self):
        return self

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.db.session, name)


# region app
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    session = LazySession(db)
    admin = Admin(app)
    admin.add_view(UserView(User, session))
    admin.add_view(PostView(Post, session))
    admin.add_view(TagView(Tag, session))
    return app


# endregion app
