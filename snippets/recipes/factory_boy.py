# ruff: noqa: S101
"""Factories of factory_boy that make rows for an admin in a test.

.. testcode::

    from snippets.recipes.factory_boy import PostFactory, create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    with app.app_context():
        print(PostFactory(title="Made in a test", author__name="Ada").author)
    print("Made in a test" in app.test_client().get("/admin/post/").text)

.. testoutput::

    Ada
    True
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

import factory
import pytest
from factory.alchemy import SQLAlchemyModelFactory
from flask import Flask, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
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
    __tablename__ = "factory_boy_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(100), unique=True)

    def __str__(self):
        return self.name


class Post(Base):
    __tablename__ = "factory_boy_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    author_id: Mapped[int] = mapped_column(ForeignKey("factory_boy_user.id"))
    author: Mapped[User] = relationship()


class PostView(ModelView):
    form_base_class = SecureForm
    column_list = ["title", "author"]
    column_searchable_list = ["title"]


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

    admin = Admin(app)
    admin.add_view(PostView(Post, db.session))
    return app


# region recipe
class Factory(SQLAlchemyModelFactory):
    """Creates rows in the session of the application context that is open."""

    class Meta:
        abstract = True
        # No context is open at import: the proxy finds the session later.
        sqlalchemy_session = db.session
        # A request has a session of its own, which sees only what is committed.
        sqlalchemy_session_persistence = "commit"


class UserFactory(Factory):
    class Meta:
        model = User

    name = factory.Sequence("User {}".format)
    email = factory.Sequence("user{}@example.com".format)


class PostFactory(Factory):
    class Meta:
        model = Post

    title = factory.Sequence("Post {}".format)
    author = factory.SubFactory(UserFactory)


# endregion recipe


# region tests
@pytest.fixture
def app(tmp_path):
    engines = {"default": f"sqlite:///{tmp_path}/test.db"}
    return create_app({"SQLALCHEMY_ENGINES": engines})


def test_second_page(app):
    with app.app_context():
        PostFactory.create_batch(30, author__name="Ada")
    assert "Ada" in app.test_client().get("/admin/post/?page=1").text


def test_edit(app):
    with app.app_context():
        id = PostFactory(title="To be edited").id
    page = app.test_client().get(f"/admin/post/edit/?id={id}").text
    assert "To be edited" in page


# endregion tests
