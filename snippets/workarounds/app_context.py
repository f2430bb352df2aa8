"""Pass ``db`` to the views of Flask-Admin 2.2.1, inside an application context.

.. testcode::

    from snippets.workarounds.app_context import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    answer = client.get("/admin/user/")
    print(answer.status, "ada@example.com" in answer.text)

.. testoutput::

    200 OK True
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

db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "app_context_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(100), unique=True)


# region view
class UserView(ModelView):
    form_base_class = SecureForm


# endregion view


def add_views(admin, views, app):
    """Add many views: pairs of a view class and its model."""
    with app.app_context():
        for view, model in views:
            admin.add_view(view(model, db))


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
    # region add
    with app.app_context():
        admin.add_view(UserView(User, db))
    # endregion add
    return app
