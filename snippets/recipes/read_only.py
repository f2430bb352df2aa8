"""An admin that shows everything and changes nothing.

.. testcode::

    from snippets.recipes.read_only import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/post/details/?id=1").status)
    print(client.get("/admin/post/edit/?id=1").location)
    print(client.post("/admin/post/edit/?id=1", data={"title": "Mine"}).status)

.. testoutput::

    200 OK
    /admin/post/
    403 FORBIDDEN
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, has_app_context, request
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from werkzeug.local import LocalProxy


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


class ProxySQLAlchemy(SQLAlchemy):
    """Flask-SQLAlchemy-Lite with a ``db.session`` that is looked up on each use."""

    @cached_property
    def session(self) -> Session:
        return cast(Session, LazySession(self))

    def init_app(self, app):
        count = len(app.teardown_appcontext_funcs)
        super().init_app(app)
        if not app.config.get("SQLALCHEMY_ASYNC_ENGINES"):
            # Lite's asynchronous teardown breaks gevent and has nothing to close.
            added = app.teardown_appcontext_funcs[count:]
            app.teardown_appcontext_funcs[count:] = [
                function for function in added if not iscoroutinefunction(function)
            ]


db = ProxySQLAlchemy()


class Base(DeclarativeBase):
    pass


class Post(Base):
    __tablename__ = "read_only_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))


# region recipe
class ReadOnly:
    """Put it first in the bases of a view; it wins over the view's settings."""

    can_create = False
    can_edit = False
    can_delete = False
    form_base_class = SecureForm

    def is_action_allowed(self, name):
        return False

    def is_accessible(self):
        # The menu of every page asks as well: let the view stay in it.
        elsewhere = request.blueprint != self.blueprint.name
        reads = request.method in {"GET", "HEAD"}
        return super().is_accessible() and (elsewhere or reads)


# endregion recipe


# region views
class PostView(ReadOnly, ModelView):
    can_view_details = True
    can_export = True
    column_searchable_list = ["title"]


# endregion views


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
        if db.session.get(Post, 1) is None:
            db.session.add(Post(title="A first post"))
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_view(PostView(Post, db.session))
    # endregion add
    return app
