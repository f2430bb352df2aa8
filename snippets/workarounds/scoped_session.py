"""Hand Flask-Admin a scoped session whose scope is the application context.

.. testcode::

    from snippets.workarounds.scoped_session import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/user/").status)
    print("ada@example.com" in client.get("/admin/user/?search=ada").text)

.. testoutput::

    200 OK
    True
"""

from flask import Flask, g
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import scoped_session

from snippets.models import Post, Tag, User, create_tables
from snippets.views import PostView, TagView, UserView

db = SQLAlchemy()


# region shared
def scoped(app, db):
    """Return a scoped session that hands out the context's own ``db.session``.

    :param app: the application; its teardown forgets the session.
    :param db: a ``flask_sqlalchemy_lite.SQLAlchemy``.
    """
    session = scoped_session(lambda: db.session, scopefunc=g._get_current_object)
    app.teardown_appcontext(lambda error: session.remove())
    return session


# endregion shared


# region own
def scoped_apart(app, db):
    """Return a scoped session that opens a second session beside ``db.session``."""
    session = scoped_session(lambda: db.sessionmaker(), scopefunc=g._get_current_object)
    app.teardown_appcontext(lambda error: session.remove())
    return session


# endregion own


# region app
def create_app(config=None, scoped=scoped):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    session = scoped(app, db)
    admin = Admin(app)
    admin.add_view(UserView(User, session))
    admin.add_view(PostView(Post, session))
    admin.add_view(TagView(Tag, session))
    return app


# endregion app


def create_app_apart(config=None):
    return create_app(config, scoped=scoped_apart)
