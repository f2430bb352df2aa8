"""Flask-SQLAlchemy-Lite for gevent workers: no event loop at the end of a request.

.. testcode::

    from snippets.recipes.gevent import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    print([function.__name__ for function in app.teardown_appcontext_funcs])
    print(app.test_client().get("/admin/tag/").status)

.. testoutput::

    ['_close_sessions']
    200 OK
"""

import os
import secrets
from inspect import iscoroutinefunction

from flask import Flask, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
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


db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


class Tag(Base):
    __tablename__ = "gevent_tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)


class TagView(ModelView):
    form_base_class = SecureForm


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
    # region recipe
    if not app.config.get("SQLALCHEMY_ASYNC_ENGINES"):
        app.teardown_appcontext_funcs[:] = [
            function
            for function in app.teardown_appcontext_funcs
            # Only Lite's: an async teardown of yours may have work to do.
            if not iscoroutinefunction(function)
            or not function.__module__.startswith("flask_sqlalchemy_lite")
        ]
    # endregion recipe
    with app.app_context():
        Base.metadata.create_all(db.engine)

    admin = Admin(app)
    admin.add_view(TagView(Tag, LazySession(db)))
    return app
