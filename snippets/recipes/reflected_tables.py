"""Administer tables that exist already, without writing their models.

.. testcode::

    from tempfile import TemporaryDirectory

    from snippets.recipes.reflected_tables import create_app

    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/library.db"
        app = create_app({"SQLALCHEMY_ENGINES": {"default": url}})
        client = app.test_client()
        print("Ada Lovelace" in client.get("/admin/book/").text)
        print(client.get("/admin/login/").status)

.. testoutput::

    True
    404 NOT FOUND
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, current_app, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Column, ForeignKey, Integer, MetaData, String, Table, inspect
from sqlalchemy.ext.automap import automap_base, generate_relationship
from sqlalchemy.orm import Session
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


# region recipe
# Your tables, and a class name for each.
TABLES = {"reflected_tables_author": "Author", "reflected_tables_book": "Book"}


class Row:
    """What all reflected models have in common."""

    def __str__(self):
        columns = list(inspect(type(self)).column_attrs)
        texts = (c.key for c in columns if isinstance(c.columns[0].type, String))
        return str(getattr(self, next(texts, columns[0].key)))


def relation(*args, **options):
    # Automap would delete an author's books, also when a form removes one.
    options.pop("cascade", None)
    return generate_relationship(*args, **options)


def reflect(engine):
    """Return a model for each of ``TABLES`` that is there and has a primary key."""
    base = automap_base(cls=Row)
    base.metadata.reflect(engine, only=lambda name, _: name in TABLES)
    base.prepare(
        classname_for_table=lambda base, name, table: TABLES.get(name, name),
        generate_relationship=relation,
    )
    # Flask-Admin 1.6.1 would look for the relations before they are made.
    base.registry.configure()
    for table in sorted(name for name in TABLES if TABLES[name] not in base.classes):
        current_app.logger.warning("No view of %s: no table or no key", table)
    return [base.classes[name] for name in TABLES.values() if name in base.classes]


class TableView(ModelView):
    form_base_class = SecureForm


# endregion recipe


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
        create_tables(db.engine)

    admin = Admin(app)
    # region add
    with app.app_context():
        models = reflect(db.engine)
    for model in models:
        admin.add_view(TableView(model, db.session))
    # endregion add
    return app


# What somebody else created: no models.
existing = MetaData()
author = Table(
    "reflected_tables_author",
    existing,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
)
book = Table(
    "reflected_tables_book",
    existing,
    Column("id", Integer, primary_key=True),
    Column("title", String(100), nullable=False),
    Column("author_id", ForeignKey(author.c.id), nullable=False),
)
login = Table(
    "reflected_tables_login",
    existing,
    Column("id", Integer, primary_key=True),
    Column("password", String(100), nullable=False),
    Column("author_id", ForeignKey(author.c.id)),
)
visit = Table("reflected_tables_visit", existing, Column("page", String(100)))


def create_tables(engine):
    if inspect(engine).has_table(author.name):
        return
    existing.create_all(engine)
    with engine.begin() as connection:
        for table, *rows in [
            (author, {"name": "Ada Lovelace"}, {"name": "Grace Hopper"}),
            (book, {"title": "Notes", "author_id": 1}),
            (book, {"title": "Sketch", "author_id": 1}),
            (login, {"password": "for her eyes only", "author_id": 1}),
        ]:
            connection.execute(table.insert(), rows)
