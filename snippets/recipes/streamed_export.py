"""Export a large table as CSV, a few rows at a time, without live formulas.

.. testcode::

    from snippets.recipes.streamed_export import Post, create_app, db

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    with app.app_context():
        db.session.get(Post, 1).title = "=1+1"
        db.session.commit()
    answer = app.test_client().get("/admin/post/export/csv/?search=1")
    print(answer.text.splitlines())

.. testoutput::

    ['Title,Author,Tags', "'=1+1,Ada,history"]
"""

import os
import re
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from numbers import Number
from typing import cast

from flask import Flask, after_this_request, has_app_context, request
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Column, ForeignKey, String, Table
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    selectinload,
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


post_tag = Table(
    "streamed_export_post_tag",
    Base.metadata,
    Column("post_id", ForeignKey("streamed_export_post.id"), primary_key=True),
    Column("tag_id", ForeignKey("streamed_export_tag.id"), primary_key=True),
)


class User(Base):
    __tablename__ = "streamed_export_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))

    def __str__(self):
        return self.name


class Tag(Base):
    __tablename__ = "streamed_export_tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))

    def __str__(self):
        return self.name


class Post(Base):
    __tablename__ = "streamed_export_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    author_id: Mapped[int] = mapped_column(ForeignKey("streamed_export_user.id"))
    author: Mapped[User] = relationship()
    tags: Mapped[list[Tag]] = relationship(secondary=post_tag)


# region recipe
# A spreadsheet may split at other characters than the comma, and skips blanks and
# quotes. Separators are not skipped: a cell full of them would take minutes.
FORMULA = re.compile(
    r'(?:^|(?<=[;\t\r\n]))(?=(?:[^\S\t\r\n]|[\0"])*[=+\-@\uff0b\uff0d\uff1d\uff20])'
)


class StreamedExport:
    """Put it first in the bases of a view."""

    def get_list(self, *args, execute=True, **kwargs):
        if request.endpoint != f"{self.endpoint}.export":
            return super().get_list(*args, execute=execute, **kwargs)
        count, query = super().get_list(*args, execute=False, **kwargs)
        # The request's session is closed before the first row is asked for.
        session = db.sessionmaker()

        @after_this_request
        def close_with_the_answer(response):
            response.call_on_close(session.close)
            return response

        # PyMySQL loses the rest of a stream when a relation is loaded meanwhile.
        mysql = session.get_bind(self.model).dialect.name in ("mysql", "mariadb")

        def rows():
            options = {"stream_results": not mysql}
            found = session.scalars(query.statement, execution_options=options)
            yield from found.yield_per(100)

        return count, rows()

    def get_export_value(self, model, name):
        value = super().get_export_value(model, name)
        return value if isinstance(value, Number) else FORMULA.sub("'", str(value))


# endregion recipe


# region views
class PostView(StreamedExport, ModelView):
    form_base_class = SecureForm
    can_export = True
    column_list = ["title", "author", "tags"]
    column_searchable_list = ["title"]
    column_filters = ["author.name"]
    column_select_related_list = [Post.author]
    form_columns = ["title", "author"]

    def get_query(self):
        return super().get_query().options(selectinload(Post.tags))


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
            history, ada, grace = (
                Tag(name="history"),
                User(name="Ada"),
                User(name="Grace"),
            )
            db.session.add(Post(title="Notes", author=ada, tags=[history]))
            db.session.add(Post(title="A compiler", author=grace))
            db.session.add(Post(title="Nanoseconds", author=grace, tags=[history]))
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_view(PostView(Post, db.session))
    # endregion add
    return app
