"""Lists are read from a replica; forms, lookups and writes use the primary.

.. testcode::

    import shutil
    from tempfile import TemporaryDirectory

    from snippets.recipes.replica import create_app

    with TemporaryDirectory() as folder:
        primary, replica = f"{folder}/primary.db", f"{folder}/replica.db"
        engines = {"default": f"sqlite:///{primary}", "replica": f"sqlite:///{replica}"}
        client = create_app({"SQLALCHEMY_ENGINES": engines}).test_client()
        shutil.copy(primary, replica)
        print("A compiler" in client.get("/admin/post/").text)

.. testoutput::

    True
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import (
    Flask,
    after_this_request,
    current_app,
    g,
    has_app_context,
    has_request_context,
    request,
)
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, String, event
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
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


# region db
class RoutingSession(Session):
    def get_bind(self, *args, **kwargs):
        if g.get("read_replica"):
            return db.get_engine("replica")
        return super().get_bind(*args, **kwargs)


@event.listens_for(RoutingSession, "after_commit")
def read_own_writes(session):
    if has_request_context():
        # A cookie of its own: a late answer to another tab would overwrite the session.
        after_this_request(read_primary)


def read_primary(response):
    response.set_cookie(
        "read_primary",
        "1",
        max_age=current_app.config["REPLICA_LAG"],
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )
    return response


db = ProxySQLAlchemy(session_options={"class_": RoutingSession})
# endregion db


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "replica_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))

    def __str__(self):
        return self.name


class Post(Base):
    __tablename__ = "replica_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    author_id: Mapped[int] = mapped_column(ForeignKey("replica_user.id"))
    author: Mapped[User] = relationship()


class Tag(Base):
    __tablename__ = "replica_tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)


# region recipe
class ReplicaList:
    """Put it before ``ModelView``: list and export may be some seconds old."""

    def get_list(self, *args, **kwargs):
        # Not in get_query: bulk actions load with it what they change.
        g.read_replica = "read_primary" not in request.cookies
        return super().get_list(*args, **kwargs)


# endregion recipe


# region view
class TagView(ReplicaList, ModelView):
    form_base_class = SecureForm


# endregion view


class PostView(ReplicaList, ModelView):
    form_base_class = SecureForm
    can_view_details = True
    can_export = True
    column_searchable_list = ["title"]
    column_editable_list = ["title"]
    form_columns = ["title", "author"]
    form_ajax_refs = {"author": {"fields": ["name"]}}


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
    # region engines
    # Seconds that the replica may be late.
    app.config.setdefault("REPLICA_LAG", 10)
    engines = app.config["SQLALCHEMY_ENGINES"]
    # On your own machine one database can play both parts.
    replica = os.environ.get("REPLICA_URL", engines["default"])
    app.config["SQLALCHEMY_ENGINES"] = {"replica": replica} | engines
    # endregion engines
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(User, 1) is None:
            grace = User(name="Grace")
            db.session.add(Post(title="A compiler", author=grace))
            db.session.add_all([Tag(name="history"), Tag(name="hardware")])
            db.session.commit()

    admin = Admin(app)
    admin.add_view(PostView(Post, db.session))
    # region add
    admin.add_view(TagView(Tag, db.session))
    # endregion add
    return app
