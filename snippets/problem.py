"""Three lines that people try with Flask-SQLAlchemy-Lite, and the one that works.

.. testcode::

    from snippets.problem import create_app, create_app_fixed

    config = {"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}
    try:
        create_app(config)
    except RuntimeError as error:
        print(str(error).splitlines()[0])
    print(create_app_fixed(config).test_client().get("/admin/user/").status)

.. testoutput::

    Working outside of application context.
    200 OK
"""

import os
import secrets

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from snippets.workarounds.proxy_sqlalchemy import ProxySQLAlchemy

db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "problem_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class UserView(ModelView):
    form_base_class = SecureForm


def new_app(config, db=db):
    app = Flask(__name__)
    app.config.from_mapping(
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
        SQLALCHEMY_ENGINES={
            "default": os.environ.get("DATABASE_URL", "sqlite:///guide.db")
        },
    )
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
    return app


# region session
def create_app(config=None):
    app = new_app(config)
    admin = Admin(app)
    admin.add_view(UserView(User, db.session))
    return app


# endregion session


# region session-in-context
def create_app_session_in_context(config=None):
    app = new_app(config)
    admin = Admin(app)
    with app.app_context():
        admin.add_view(UserView(User, db.session))
    return app


# endregion session-in-context


# region db
def create_app_db(config=None):
    app = new_app(config)
    admin = Admin(app)
    admin.add_view(UserView(User, db))
    return app


# endregion db


def create_app_fixed(config=None):
    # region fix-db
    db = ProxySQLAlchemy()
    # endregion fix-db
    app = new_app(config, db)
    admin = Admin(app)
    # region fix-view
    admin.add_view(UserView(User, db.session))
    # endregion fix-view
    return app


# The same three lines for the views of the contract.


def add_session(admin, views):
    for view, model in views:
        admin.add_view(view(model, db.session))


def add_session_in_context(admin, views, app):
    with app.app_context():
        for view, model in views:
            admin.add_view(view(model, db.session))


def add_db(admin, views):
    for view, model in views:
        admin.add_view(view(model, db))
