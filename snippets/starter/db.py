"""The database: ``db.session`` can be passed to a view at any time."""

from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import has_app_context
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Session
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
