"""Workaround 2 of the investigation, as published on 2025-10-18.

.. testcode::

    from snippets.published.session_factory import create_app

    try:
        create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    except TypeError as error:
        print(error)

.. testoutput::

    Passing a session object directly is not supported with Flask-SQLAlchemy-Lite. \
Please pass the SQLAlchemy db object instead. \
Example: ModelView(User, db) instead of ModelView(User, db.session)
"""

from flask import Flask, current_app
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import create_tables
from snippets.views import VIEWS

db = SQLAlchemy()


# region published
def get_session():
    """Returns session for current context"""
    return current_app.extensions["sqlalchemy"].get_session()


# endregion published


def add_views(admin, views):
    for view, model in views:
        admin.add_view(view(model, get_session))


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    add_views(Admin(app), VIEWS)
    return app
