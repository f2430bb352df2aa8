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

import os
import secrets

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView as BaseModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

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


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "custom_modelview_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(100), unique=True)


class UserView(LiteModelView):
    form_base_class = SecureForm
    can_view_details = True


def add_views(admin, views):
    """Add many views of any bases: pairs of a view class and its model."""
    for view, model in views:
        # As you would write it: class LiteUserView(UserView, LiteModelView).
        lite_view = type(f"Lite{view.__name__}", (view, LiteModelView), {})
        admin.add_view(lite_view(model, db))


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping(
        # A random key ends all logins at each start: set one outside of development.
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
        SQLALCHEMY_ENGINES={
            "default": os.environ.get("DATABASE_URL", "sqlite:///guide.db")
        },
    )
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(User, 1) is None:
            for name in "Ada", "Grace":
                email = f"{name.lower()}@example.com"
                db.session.add(User(name=name, email=email))
            db.session.commit()

    admin = Admin(app)
    admin.add_view(UserView(User, db))
    return app
