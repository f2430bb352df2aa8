# ruff: noqa: S101
"""Pytest fixtures for an admin: an application per test, or one that is isolated.

.. testcode::

    import subprocess, sys

    from snippets.recipes import testing

    command = [sys.executable, "-m", "pytest", "-o", "addopts=-p no:cacheprovider"]
    done = subprocess.run([*command, testing.__file__], capture_output=True, text=True)
    print(done.stdout.splitlines()[-1].strip("= ").split(" in ")[0])

.. testoutput::

    5 passed
"""

import os
import re
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

import pytest
from flask import Flask, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
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


class Tag(Base):
    __tablename__ = "testing_tag"

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
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Tag, 1) is None:
            db.session.add(Tag(name="history"))
            db.session.commit()

    admin = Admin(app)
    admin.add_view(TagView(Tag, db.session))
    return app


# region recipe
@pytest.fixture
def app(tmp_path):
    """An application of the test's own, on a database file of its own."""
    engines = {"default": f"sqlite:///{tmp_path}/test.db"}
    app = create_app({"TESTING": True, "SQLALCHEMY_ENGINES": engines})
    yield app
    with app.app_context():
        kept = db.engine.pool.checkedout()
        db.engine.dispose()
    assert kept == 0, f"{kept} connections were not given back"


@pytest.fixture
def client(app):
    # Not inside `with app.app_context()`: each request makes a context of its own.
    return app.test_client()


@pytest.fixture(scope="session")
def shared_app():
    """One application in memory for all tests; ``isolated`` keeps them apart."""
    engines = {"default": "sqlite://"}
    app = create_app({"TESTING": True, "SQLALCHEMY_ENGINES": engines})
    with app.app_context():
        # SQLite's driver begins no transaction before a SAVEPOINT.
        event.listen(db.engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN"))
    return app


@pytest.fixture
def isolated(shared_app):
    """A client whose commits are rolled back after the test."""
    with shared_app.app_context():
        engine, sessions = db.engine, db.sessionmaker
    with engine.connect() as connection:
        # Nobody commits this transaction, so closing the connection ends it.
        connection.begin()
        sessions.configure(bind=connection, join_transaction_mode="create_savepoint")
        yield shared_app.test_client()
        sessions.configure(bind=engine)


# endregion recipe


# region tests
def create_tag(client, name):
    page = client.get("/admin/tag/new/").text
    token = re.search('name="csrf_token"[^>]* value="([^"]+)"', page)[1]
    data = {"name": name, "csrf_token": token}
    return client.post("/admin/tag/new/", data=data)


def test_create(app, client):
    assert create_tag(client, "new").status_code == 302
    # A context of the test's own, after the request: it sees what was committed.
    with app.app_context():
        assert db.session.scalar(select(Tag).filter_by(name="new"))


def test_prepare_rows_before_the_request(app, client):
    with app.app_context():
        db.session.add(Tag(name="prepared"))
        db.session.commit()
    assert "prepared" in client.get("/admin/tag/").text


def test_a_rejected_form_answers_200(app, client):
    assert create_tag(client, "history").status_code == 200


@pytest.mark.parametrize("time", [1, 2])
def test_isolated(isolated, time):
    assert create_tag(isolated, "unique").status_code == 302
    assert "unique" in isolated.get("/admin/tag/").text


# endregion tests
