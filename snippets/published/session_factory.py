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

import os
import secrets

from flask import Flask, current_app
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

db = SQLAlchemy()


# region published
def get_session():
    """Returns session for current context"""
    return current_app.extensions["sqlalchemy"].get_session()


# endregion published


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "session_factory_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(100), unique=True)


class UserView(ModelView):
    form_base_class = SecureForm


def add_views(admin, views):
    """Add many views: pairs of a view class and its model."""
    for view, model in views:
        admin.add_view(view(model, get_session))


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
    admin.add_view(UserView(User, get_session))
    return app
