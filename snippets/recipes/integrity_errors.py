"""Answer a rejected commit with a sentence, and keep what was typed.

.. testcode::

    import re

    from snippets.recipes.integrity_errors import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    client = app.test_client()
    page = client.get("/admin/user/").text
    token = re.search('csrf_token".+?value="(.+?)"', page)[1]
    client.post("/admin/user/delete/", data={"csrf_token": token, "id": 1})
    page = client.get("/admin/user/").text
    print(re.search("Not done.+", page)[0])

.. testoutput::

    Not done: other rows refer to this one, or it refers to one that is gone.
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, current_app, flash, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, String, UniqueConstraint, event
from sqlalchemy.exc import IntegrityError
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
    __tablename__ = "integrity_errors_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))

    def __str__(self):
        return self.name


class Post(Base):
    __tablename__ = "integrity_errors_post"
    __table_args__ = (UniqueConstraint("author_id", "title"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(20), unique=True)
    title: Mapped[str] = mapped_column(String(100))
    author_id: Mapped[int] = mapped_column(ForeignKey("integrity_errors_user.id"))
    author: Mapped[User] = relationship()


# region recipe
class FriendlyErrors:
    """Put it before ``ModelView`` in the bases of a view."""

    # What the database says, in part and in lower case, and what to say instead.
    duplicate = "Not done: another row has these values."
    rejections = {
        "foreign key": "Not done: other rows refer to this one, or it refers to one "
        "that is gone.",
        "unique": duplicate,
        "duplicate entry": duplicate,
    }

    def handle_view_exception(self, exc):
        if not isinstance(exc, IntegrityError):
            return super().handle_view_exception(exc)
        said = str(exc.orig).lower()
        known = [text for part, text in self.rejections.items() if part in said]
        answer = (*known, "Not done: the database rejected this.")[0]
        # Not what the database says: it repeats the values of the row.
        current_app.logger.warning("%s: %s %s", self.name, answer, exc.statement)
        flash(answer, "error")
        return True


def check_foreign_keys(connection, record):
    # SQLite leaves them unchecked unless each connection asks for it.
    connection.execute("PRAGMA foreign_keys = ON")


# endregion recipe


class UserView(FriendlyErrors, ModelView):
    form_base_class = SecureForm
    form_columns = ["name"]


# region view
class PostView(FriendlyErrors, ModelView):
    form_base_class = SecureForm
    column_editable_list = ["title"]


# endregion view


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
    # region engine
    with app.app_context():
        # No values of rows in what any other error says and logs.
        db.engine.hide_parameters = True
        if db.engine.name == "sqlite":
            event.listen(db.engine, "connect", check_foreign_keys)
    # endregion engine
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(User, 1) is None:
            ada = User(name="Ada")
            db.session.add(Post(slug="1", title="Notes", author=ada))
            db.session.add(Post(slug="2", title="Letters", author=ada))
            db.session.commit()

    admin = Admin(app)
    admin.add_view(UserView(User, db.session))
    # region add
    admin.add_view(PostView(Post, db.session))
    # endregion add
    return app
