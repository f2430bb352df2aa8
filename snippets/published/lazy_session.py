"""Workaround 4 of the investigation, as published on 2025-10-18.

.. testcode::

    from snippets.published.lazy_session import create_app

    try:
        create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    except TypeError as error:
        print(error)

.. testoutput::

    Passing a session object directly is not supported with Flask-SQLAlchemy-Lite. \
Please pass the SQLAlchemy db object instead. \
Example: ModelView(User, db) instead of ModelView(User, db.session)
"""

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import create_tables
from snippets.views import VIEWS

db = SQLAlchemy()


# region published
class LazySessionWrapper:
    """Wrapper that provides session access only when called"""

    def __init__(self, db):
        self._db = db

    def __call__(self):
        """Returns the current session"""
        return self._db.get_session()

    def query(self, *args, **kwargs):
        """Proxy query calls to current session"""
        return self._db.get_session().query(*args, **kwargs)

    def add(self, *args, **kwargs):
        return self._db.get_session().add(*args, **kwargs)

    def delete(self, *args, **kwargs):
        return self._db.get_session().delete(*args, **kwargs)

    def commit(self, *args, **kwargs):
        return self._db.get_session().commit(*args, **kwargs)

    def rollback(self, *args, **kwargs):
        return self._db.get_session().rollback(*args, **kwargs)

    def flush(self, *args, **kwargs):
        return self._db.get_session().flush(*args, **kwargs)

    def get(self, *args, **kwargs):
        return self._db.get_session().get(*args, **kwargs)


# endregion published


def add_views(admin, views):
    for view, model in views:
        admin.add_view(view(model, LazySessionWrapper(db)))


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    add_views(Admin(app), VIEWS)
    return app
