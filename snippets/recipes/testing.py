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
# ruff: noqa: S101

import re

import pytest
from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import event, select

from snippets.models import Tag, create_tables
from snippets.views import TagView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
        session = LazySession(db)

        admin = Admin(app)
        admin.add_view(TagView(Tag, session))
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


def test_a_refused_form_answers_200(app, client):
    assert create_tag(client, "history").status_code == 200


@pytest.mark.parametrize("time", [1, 2])
def test_isolated(isolated, time):
    assert create_tag(isolated, "unique").status_code == 302
    assert "unique" in isolated.get("/admin/tag/").text


# endregion tests
