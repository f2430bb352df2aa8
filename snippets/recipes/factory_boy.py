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
# ruff: noqa: S101

import factory
import pytest
from factory.alchemy import SQLAlchemyModelFactory
from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import select

from snippets.models import Base, Post, User
from snippets.views import PostView, UserView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region recipe
def get_session():
    return db.session


class Factory(SQLAlchemyModelFactory):
    """Creates rows in the session of the application context that is open."""

    class Meta:
        abstract = True
        # A function, not `sqlalchemy_session`: no context is open at import.
        sqlalchemy_session_factory = get_session
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


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.scalar(select(Post).limit(1)) is None:
            PostFactory.create_batch(2)

    admin = Admin(app)
    admin.add_view(UserView(User, LazySession(db)))
    admin.add_view(PostView(Post, LazySession(db)))
    return app


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
