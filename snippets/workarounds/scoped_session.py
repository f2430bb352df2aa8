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

from weakref import WeakKeyDictionary

from flask import Flask, g
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import scoped_session

from snippets.models import create_tables
from snippets.views import VIEWS

db = SQLAlchemy()


# region shared
def scoped(create_session):
    """Return a scoped session that keeps one session for each application context.

    :param create_session: returns the session of a new context.
    """
    session = scoped_session(create_session, scopefunc=g._get_current_object)
    # A dictionary that keeps no context alive needs no teardown to forget it.
    session.registry.registry = WeakKeyDictionary()
    return session


def add_views(admin, views):
    session = scoped(lambda: db.session)
    for view, model in views:
        admin.add_view(view(model, session))


# endregion shared


# region own
def add_views_apart(admin, views, app):
    session = scoped(lambda: db.sessionmaker())
    app.teardown_appcontext(lambda error: session.remove())
    for view, model in views:
        admin.add_view(view(model, session))


# endregion own


# region app
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    add_views(Admin(app), VIEWS)
    return app


# endregion app
