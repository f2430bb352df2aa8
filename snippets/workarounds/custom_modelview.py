"""Put the session handling into one base class that takes ``db``.

.. testcode::

    from snippets.workarounds.custom_modelview import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    answer = client.get("/admin/user/")
    print(answer.status, "ada@example.com" in answer.text)

.. testoutput::

    200 OK True
"""

import os
import secrets

from flask import Flask, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from werkzeug.local import LocalProxy

db = SQLAlchemy()


# region base
class LazySession(LocalProxy):
    """A proxy for the session of the current application context.

    :param db: a ``flask_sqlalchemy_lite.SQLAlchemy``.
    :raises RuntimeError: when it is used outside of an application context.
        Creating it needs none.
    """

    def __init__(self, db):
        super().__init__(db.get_session)

    @property
    def session(self):
        return self

    def __call__(self):
        return self._get_current_object()

    def __getattr__(self, name):
        # Flask-Admin looks for "_action" while the views are made.
        if name.startswith("_") and not has_app_context():
            raise AttributeError(name)
        return getattr(self._get_current_object(), name)


class LiteModelView(ModelView):
    """A ``ModelView`` that takes Lite's ``db``, in a context or not.

    :param model: a mapped class.
    :param db: a ``flask_sqlalchemy_lite.SQLAlchemy``.
    """

    form_base_class = SecureForm

    def __init__(self, model, db, *args, **kwargs):
        super().__init__(model, LazySession(db), *args, **kwargs)


# endregion base


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "custom_modelview_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(100), unique=True)


# region view
class UserView(LiteModelView):
    can_view_details = True


# endregion view


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
    # region add
    admin.add_view(UserView(User, db))
    # endregion add
    return app
