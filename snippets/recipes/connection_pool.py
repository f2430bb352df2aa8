"""Set up the connection pool of one engine, and survive a server that hangs up.

.. testcode::

    from tempfile import TemporaryDirectory

    from snippets.recipes.connection_pool import create_app, db

    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/guide.db"
        app = create_app({"SQLALCHEMY_ENGINES": {"default": url}})
        print(app.test_client().get("/admin/post/").status)
        with app.app_context():
            pool = db.engine.pool
            print(pool.size(), pool.checkedin(), pool.checkedout())

.. testoutput::

    200 OK
    8 1 0
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, has_app_context
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
    __tablename__ = "connection_pool_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100), unique=True)


class PostView(ModelView):
    form_base_class = SecureForm
    can_export = True
    column_searchable_list = ["title"]


# region pool
POOL = {
    # A connection that the server has closed is replaced when a request takes it.
    "pool_pre_ping": True,
    # Seconds: less than the server or a firewall keeps an idle connection.
    "pool_recycle": 1800,
    # A request uses one connection: as many as a process has threads.
    "pool_size": 8,
    "max_overflow": 0,
    # Seconds that a request waits for a free one before it fails.
    "pool_timeout": 10,
}
# endregion pool


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
    # region recipe
    url = app.config["SQLALCHEMY_ENGINES"]["default"]
    app.config["SQLALCHEMY_ENGINES"] = {"default": {"url": url, **POOL}}
    # endregion recipe
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Post, 1) is None:
            db.session.add_all([Post(title="One"), Post(title="Two")])
            db.session.commit()

    admin = Admin(app)
    admin.add_view(PostView(Post, db.session))
    return app
