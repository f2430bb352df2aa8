"""The select box of a filter shows the rows of now, not those of the start.

.. testcode::

    from snippets.recipes.fresh_filters import User, create_app, db

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    client = app.test_client()
    print("Hedy" in client.get("/admin/post/").text)
    with app.app_context():
        db.session.add(User(name="Hedy"))
        db.session.commit()
    print("Hedy" in client.get("/admin/post/").text)

.. testoutput::

    False
    True
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.filters import IntEqualFilter
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, String, select
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


db = ProxySQLAlchemy()


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "fresh_filters_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))

    def __str__(self):
        return self.name


class Post(Base):
    __tablename__ = "fresh_filters_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    author_id: Mapped[int] = mapped_column(ForeignKey("fresh_filters_user.id"))
    author: Mapped[User] = relationship()


# region recipe
class Fresh:
    """Options that are read each time that a list page is made.

    :param read: called without arguments; returns pairs of value and label.
    """

    def __init__(self, read):
        self.read = read

    def __iter__(self):
        return iter(self.read())


# endregion recipe


# region views
def authors():
    return db.session.execute(select(User.id, User.name).order_by(User.name)).all()


class PostView(ModelView):
    form_base_class = SecureForm
    column_list = ["title", "author"]
    form_columns = ["title", "author"]
    column_filters = [
        IntEqualFilter(Post.author_id, "Author", options=Fresh(authors)),
    ]


# endregion views


class UserView(ModelView):
    form_base_class = SecureForm
    form_columns = ["name"]


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
            ada, grace = User(name="Ada"), User(name="Grace")
            db.session.add(Post(title="Notes on the engine", author=ada))
            db.session.add(Post(title="A compiler", author=grace))
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_view(PostView(Post, db.session))
    # endregion add
    admin.add_view(UserView(User, db.session))
    return app
