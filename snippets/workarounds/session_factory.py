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

from weakref import WeakKeyDictionary

from flask import Flask, current_app, g
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import scoped_session

from snippets.models import create_tables
from snippets.views import VIEWS

db = SQLAlchemy()


# region factory
def get_session():
    """Return the session of the current application context."""
    return current_app.extensions["sqlalchemy"].get_session()


def add_views(admin, views):
    session = scoped_session(get_session, scopefunc=g._get_current_object)
    # A dictionary that keeps no context alive needs no teardown to forget it.
    session.registry.registry = WeakKeyDictionary()
    for view, model in views:
        admin.add_view(view(model, session))


# endregion factory


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
