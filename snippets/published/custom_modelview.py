"""Workaround 3 of the investigation, as published on 2025-10-18.

.. testcode::

    from snippets.published.custom_modelview import create_app

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
from flask_admin.contrib.sqla import ModelView as BaseModelView
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import create_tables
from snippets.views import VIEWS

db = SQLAlchemy()


# region published
class LiteModelView(BaseModelView):
    def __init__(self, model, db_instance, *args, **kwargs):
        # Store the db instance instead of session
        self._db = db_instance
        # Create a dummy session to satisfy parent __init__
        from sqlalchemy.orm import Session

        dummy_session = Session()
        super().__init__(model, dummy_session, *args, **kwargs)

    def _get_session(self):
        # Override to get session from flask-sqlalchemy-lite
        return self._db.get_session()

    # Override methods that use self.session
    def get_query(self):
        return self._get_session().query(self.model)

    # ... override other methods as needed


# endregion published


def add_views(admin, views):
    for view, model in views:
        lite_view = type(f"Lite{view.__name__}", (view, LiteModelView), {})
        admin.add_view(lite_view(model, db))


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    add_views(Admin(app), VIEWS)
    return app
