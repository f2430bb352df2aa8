"""Asynchronous views and a synchronous admin on one database.

.. testcode::

    from tempfile import TemporaryDirectory

    from snippets.recipes.async_app import create_app

    with TemporaryDirectory() as folder:
        engines = {"default": f"sqlite:///{folder}/guide.db"}
        client = create_app({"SQLALCHEMY_ENGINES": engines}).test_client()
        print(client.get("/posts").json)
        print("A first post" in client.get("/admin/post/").text)

.. testoutput::

    [{'author': 'Ada', 'title': 'A first post'}]
    True
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Blueprint, Flask, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, NullPool, String, make_url, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    joinedload,
    mapped_column,
    relationship,
)
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


class User(Base):
    __tablename__ = "async_app_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))

    def __str__(self):
        return self.name


class Post(Base):
    __tablename__ = "async_app_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    author_id: Mapped[int] = mapped_column(ForeignKey("async_app_user.id"))
    author: Mapped[User] = relationship()


class PostView(ModelView):
    form_base_class = SecureForm
    form_columns = ["title", "author"]


# region views
async_pages = Blueprint("async_pages", __name__)


@async_pages.get("/posts")
async def posts():
    query = select(Post).options(joinedload(Post.author)).order_by(Post.title)
    # Not db.async_session: that one is closed in another event loop.
    async with db.async_sessionmaker() as session:
        found = await session.scalars(query)
        return [{"title": post.title, "author": post.author.name} for post in found]


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
    # region engines
    drivers = {
        "sqlite": "aiosqlite",
        "postgresql": "psycopg",
        "mysql": "aiomysql",
        "mariadb": "aiomysql",
    }
    url = make_url(app.config["SQLALCHEMY_ENGINES"]["default"])
    backend = url.get_backend_name()
    app.config["SQLALCHEMY_ASYNC_ENGINES"] = {
        "default": {
            "url": url.set(drivername=f"{backend}+{drivers[backend]}"),
            # Each request has its own event loop, and so needs its own connection.
            "poolclass": NullPool,
        }
    }
    # endregion engines
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(User, 1) is None:
            db.session.add(Post(title="A first post", author=User(name="Ada")))
            db.session.commit()

    # region app
    app.register_blueprint(async_pages)
    # endregion app
    admin = Admin(app)
    admin.add_view(PostView(Post, db.session))
    return app
