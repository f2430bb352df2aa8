"""Make ``db.session`` a proxy, so that it can be passed anywhere, at any time.

.. testcode::

    from snippets.workarounds.proxy_sqlalchemy import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/user/").status)
    print("ada@example.com" in client.get("/admin/user/?search=ada").text)

.. testoutput::

    200 OK
    True
"""

from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, has_app_context
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import Session
from werkzeug.local import LocalProxy

from snippets.models import create_tables
from snippets.views import VIEWS


# region db
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
# endregion db


# region views
def add_views(admin, views):
    for view, model in views:
        admin.add_view(view(model, db.session))


# endregion views


# region by-db
def add_views_by_db(admin, views):
    for view, model in views:
        admin.add_view(view(model, db))


# endregion by-db


# region app
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    add_views(Admin(app), VIEWS)
    return app


# endregion app
