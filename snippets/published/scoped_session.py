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

import os
import secrets

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session

db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "scoped_session_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(100), unique=True)


class UserView(ModelView):
    form_base_class = SecureForm


def add_views(admin, views):
    """Add many views: pairs of a view class and its model."""
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


def create_app(config=None, add_views=add_views):
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
    add_views(admin, [(UserView, User)])
    return app


def create_app_in_context(config=None):
    def add(admin, views):
        add_views_in_context(admin, views, admin.app)

    return create_app(config, add)
