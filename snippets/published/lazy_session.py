"""Workaround 4 of the investigation, as published on 2025-10-18.

.. testcode::

    from snippets.published.lazy_session import create_app

    try:
        create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    except TypeError as error:
        print(error)

.. testoutput::

    Passing a session object directly is not supported with Flask-SQLAlchemy-Lite. \
Please pass the SQLAlchemy db object instead. \
Example: ModelView(User, db) instead of ModelView(User, db.session)
"""

import os
import secrets
from datetime import date

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Column, ForeignKey, String, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

db = SQLAlchemy()


# region published
class LazySessionWrapper:
    """Wrapper that provides session access only when called"""

    def __init__(self, db):
        self._db = db

    def __call__(self):
        """Returns the current session"""
        return self._db.get_session()

    def query(self, *args, **kwargs):
        """Proxy query calls to current session"""
        return self._db.get_session().query(*args, **kwargs)

    def add(self, *args, **kwargs):
        return self._db.get_session().add(*args, **kwargs)

    def delete(self, *args, **kwargs):
        return self._db.get_session().delete(*args, **kwargs)

    def commit(self, *args, **kwargs):
        return self._db.get_session().commit(*args, **kwargs)

    def rollback(self, *args, **kwargs):
        return self._db.get_session().rollback(*args, **kwargs)

    def flush(self, *args, **kwargs):
        return self._db.get_session().flush(*args, **kwargs)

    def get(self, *args, **kwargs):
        return self._db.get_session().get(*args, **kwargs)


# endregion published


admin_session = LazySessionWrapper(db)


class Base(DeclarativeBase):
    pass


post_tag = Table(
    "lazy_session_post_tag",
    Base.metadata,
    Column("post_id", ForeignKey("lazy_session_post.id"), primary_key=True),
    Column("tag_id", ForeignKey("lazy_session_tag.id"), primary_key=True),
)


class User(Base):
    __tablename__ = "lazy_session_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(100), unique=True)
    posts: Mapped[list["Post"]] = relationship(
        back_populates="author", cascade="all, delete-orphan"
    )

    def __str__(self):
        return self.name


class Post(Base):
    __tablename__ = "lazy_session_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    body: Mapped[str | None] = mapped_column(String(1000))
    published: Mapped[date | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("lazy_session_user.id"))
    author: Mapped[User] = relationship(back_populates="posts")
    tags: Mapped[list["Tag"]] = relationship(secondary=post_tag)

    def __str__(self):
        return self.title


class Tag(Base):
    __tablename__ = "lazy_session_tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)

    def __str__(self):
        return self.name


class SecureView(ModelView):
    form_base_class = SecureForm
    can_view_details = True
    can_export = True


class UserView(SecureView):
    column_searchable_list = ["name", "email"]
    column_filters = ["name", "email"]
    form_columns = ["name", "email", "posts"]
    inline_models = [(Post, {"form_columns": ["id", "title"]})]


class PostView(SecureView):
    column_list = ["title", "author", "published"]
    column_searchable_list = ["title"]
    column_filters = ["published", "author.name"]
    column_editable_list = ["title"]
    form_columns = ["title", "body", "published", "author", "tags"]
    form_ajax_refs = {"author": {"fields": ["name", "email"]}}


class TagView(SecureView):
    form_columns = ["name"]


def add_views(admin, views):
    """Add many views: pairs of a view class and its model."""
    for view, model in views:
        admin.add_view(view(model, admin_session))


def seed(session):
    history, hardware = Tag(name="history"), Tag(name="hardware")
    ada = User(name="Ada", email="ada@example.com")
    notes = Post(title="Notes on the engine", published=date(1843, 9, 1))
    notes.tags = [history]
    ada.posts = [notes]
    grace = User(name="Grace", email="grace@example.com")
    compiler = Post(title="A compiler", published=date(1952, 5, 2))
    grace.posts = [compiler, Post(title="Nanoseconds", tags=[history])]
    session.add_all([ada, grace, hardware])
    session.commit()


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
            seed(db.session)

    admin = Admin(app)
    admin.add_view(UserView(User, admin_session))
    add_views(admin, [(PostView, Post), (TagView, Tag)])
    return app
