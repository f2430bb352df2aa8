"""Workaround 1 of the investigation, as published on 2025-10-18.

.. testcode::

    from snippets.published.scoped_session import create_app

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
from sqlalchemy.orm import scoped_session

from snippets.models import create_tables
from snippets.views import VIEWS

db = SQLAlchemy()


def add_views(admin, views):
    # region published
    # Create a scoped_session that uses flask-sqlalchemy-lite's sessionmaker
    Session = scoped_session(
        db.sessionmaker,
        scopefunc=lambda: None,  # Uses thread-local by default
    )
    # endregion published

    for view, model in views:
        admin.add_view(view(model, Session))


# region context
def add_views_in_context(admin, views, app):
    with app.app_context():
        Session = scoped_session(db.sessionmaker, scopefunc=lambda: None)

    for view, model in views:
        admin.add_view(view(model, Session))


# endregion context


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    add_views(Admin(app), VIEWS)
    return app


def create_app_in_context(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    add_views_in_context(Admin(app), VIEWS, app)
    return app
