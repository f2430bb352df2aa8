"""Keep models and code of Flask-SQLAlchemy in an application that moves to Lite.

.. testcode::

    from tempfile import TemporaryDirectory

    from snippets.recipes.side_by_side import create_app

    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/guide.db"
        client = create_app({"SQLALCHEMY_ENGINES": {"default": url}}).test_client()
        print(client.get("/books").json)
        print("Notes" in client.get("/admin/book/").text)

.. testoutput::

    {'books': ['Notes'], 'shelves': ['First']}
    True
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

import flask_sqlalchemy
from flask import Flask, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String, select
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


# region models
old = flask_sqlalchemy.SQLAlchemy(metadata=Base.metadata)


class Shelf(Base):
    __tablename__ = "side_by_side_shelf"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    books: Mapped[list["Book"]] = relationship(
        lambda: Book, back_populates="shelf", cascade="all, delete-orphan"
    )

    def __str__(self):
        return self.name


class Book(old.Model):
    __tablename__ = "side_by_side_book"

    id = old.Column(old.Integer, primary_key=True)
    title = old.Column(old.String(100), nullable=False)
    shelf_id = old.Column(old.ForeignKey("side_by_side_shelf.id"), nullable=False)
    shelf = old.relationship(Shelf, back_populates="books")


# endregion models


# region views
class ShelfView(ModelView):
    form_base_class = SecureForm
    form_columns = ["name"]


class BookView(ModelView):
    form_base_class = SecureForm
    form_columns = ["title", "shelf"]


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
    # region session
    # Old code and new code use one session, and so one transaction.
    old.session = db.session
    # endregion session
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if Book.query.first() is None:
            old.session.add(Book(title="Notes", shelf=Shelf(name="First")))
            old.session.commit()

    @app.get("/books")
    def books():
        shelves = db.session.scalars(select(Shelf.name))
        return {"shelves": list(shelves), "books": [b.title for b in Book.query]}

    admin = Admin(app)
    # region add
    admin.add_view(ShelfView(Shelf, db.session))
    admin.add_view(BookView(Book, db.session))
    # endregion add
    return app


# region both
def init_both(app):
    """Register both libraries, each with an engine and sessions of its own."""
    old = flask_sqlalchemy.SQLAlchemy(app, add_models_to_shell=False)
    app.extensions["flask-sqlalchemy"] = app.extensions.pop("sqlalchemy")
    return old, ProxySQLAlchemy(app)


# endregion both
