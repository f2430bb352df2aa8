"""Give the callable to a scoped session: that is the tool which takes one.

.. testcode::

    from snippets.workarounds.session_factory import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    answer = client.get("/admin/user/")
    print(answer.status, "ada@example.com" in answer.text)

.. testoutput::

    200 OK True
"""

import os
import secrets
from weakref import WeakKeyDictionary

from flask import Flask, current_app, g
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, scoped_session

db = SQLAlchemy()


# region factory
def get_session():
    """Return the session of the current application context."""
    return current_app.extensions["sqlalchemy"].get_session()


admin_session = scoped_session(get_session, scopefunc=g._get_current_object)
# A dictionary that keeps no context alive needs no teardown to forget it.
admin_session.registry.registry = WeakKeyDictionary()
# endregion factory


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "session_factory_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(100), unique=True)


# region view
class UserView(ModelView):
    form_base_class = SecureForm


# endregion view


def add_views(admin, views):
    """Add many views: pairs of a view class and its model."""
    for view, model in views:
        admin.add_view(view(model, admin_session))


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
    admin.add_view(UserView(User, admin_session))
    # endregion add
    return app
