"""Three lines that people try with Flask-SQLAlchemy-Lite.

.. testcode::

    from snippets.problem import create_app

    try:
        create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    except RuntimeError as error:
        print(str(error).splitlines()[0])

.. testoutput::

    Working outside of application context.
"""

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import create_tables
from snippets.views import VIEWS

db = SQLAlchemy()


def new_app(config):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
    return app


# region session
def add_session(admin, views):
    for view, model in views:
        admin.add_view(view(model, db.session))


def create_app(config=None):
    app = new_app(config)
    add_session(Admin(app), VIEWS)
    return app


# endregion session


# region session-in-context
def add_session_in_context(admin, views, app):
    with app.app_context():
        for view, model in views:
            admin.add_view(view(model, db.session))


def create_app_session_in_context(config=None):
    app = new_app(config)
    add_session_in_context(Admin(app), VIEWS, app)
    return app


# endregion session-in-context


# region db
def add_db(admin, views):
    for view, model in views:
        admin.add_view(view(model, db))


def create_app_db(config=None):
    app = new_app(config)
    add_db(Admin(app), VIEWS)
    return app


# endregion db
