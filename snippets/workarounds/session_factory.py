"""Give the callable to a scoped session: that is the tool which takes one.

.. testcode::

    from snippets.workarounds.session_factory import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/user/").status)
    print("ada@example.com" in client.get("/admin/user/?search=ada").text)

.. testoutput::

    200 OK
    True
"""

from flask import Flask, current_app, g
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import scoped_session

from snippets.models import Post, Tag, User, create_tables
from snippets.views import PostView, TagView, UserView

db = SQLAlchemy()


# region factory
def get_session():
    """Return the session of the current application context."""
    return current_app.extensions["sqlalchemy"].get_session()


def scoped(app):
    """Return a scoped session that calls ``get_session`` once in each context."""
    session = scoped_session(get_session, scopefunc=g._get_current_object)
    app.teardown_appcontext(lambda error: session.remove())
    return session


# endregion factory


# region app
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    session = scoped(app)
    admin = Admin(app)
    admin.add_view(UserView(User, session))
    admin.add_view(PostView(Post, session))
    admin.add_view(TagView(Tag, session))
    return app


# endregion app
