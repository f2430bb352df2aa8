"""A list page asks the database twice, however many rows it shows.

.. testcode::

    from snippets.recipes.slow_lists import Post, User, create_app, db, statements

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    for name in ["Alan", "Barbara"]:
        with app.app_context():
            db.session.add(Post(title=name, author=User(name=name)))
            db.session.commit()
            engine = db.engine
        with statements(engine) as sent:
            app.test_client().get("/admin/post/")
        print(len(sent))

.. testoutput::

    2
    2
"""

import os
import secrets
from contextlib import contextmanager
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Column, ForeignKey, String, Table, event
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
    "slow_lists_post_tag",
    Base.metadata,
    Column("post_id", ForeignKey("slow_lists_post.id"), primary_key=True),
    Column("tag_id", ForeignKey("slow_lists_tag.id"), primary_key=True),
)


class User(Base):
    __tablename__ = "slow_lists_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))

    def __str__(self):
        return self.name


class Tag(Base):
    __tablename__ = "slow_lists_tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))

    def __str__(self):
        return self.name


class Post(Base):
    __tablename__ = "slow_lists_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    author_id: Mapped[int] = mapped_column(ForeignKey("slow_lists_user.id"))
    author: Mapped[User] = relationship()
    tags: Mapped[list[Tag]] = relationship(secondary=post_tag)


# region recipe
class PostView(ModelView):
    form_base_class = SecureForm
    column_list = ["title", "author.name", "tags"]
    column_select_related_list = [Post.author]
    form_columns = ["title", "author"]
    simple_list_pager = True
    can_set_page_size = True
    page_size_options = (20, 50)

    def get_query(self):
        return super().get_query().options(selectinload(Post.tags))

    # Flask-Admin 1.6.1 takes any size from the address; newer releases check it.
    def _get_list_extra_args(self):
        args = super()._get_list_extra_args()
        if args.page_size not in self.page_size_options:
            args.page_size = None
        return args


# endregion recipe


# region count
@contextmanager
def statements(engine):
    """Collect in a list the SQL that an engine sends in a ``with`` block."""
    sent = []

    def note(connection, cursor, statement, *rest):
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


# endregion count


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
