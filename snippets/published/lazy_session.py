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

from snippets.models import Post, Tag, User, create_tables
from snippets.views import PostView, TagView, UserView

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


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    session = LazySessionWrapper(db)
    admin = Admin(app)
    admin.add_view(UserView(User, session))
    admin.add_view(PostView(Post, session))
    admin.add_view(TagView(Tag, session))
    return app
