"""Ask other extensions what they do with Flask-SQLAlchemy-Lite.

.. testcode::

    from snippets.recipes.extensions import factory_function, factory_session, measure

    print(measure(factory_function))
    print(measure(factory_session))

.. testoutput::

    ['works', 'no', 0]
    ['works', 'yes', 0]
"""

# The probes say by assertions what they expect.
# ruff: noqa: S101

import csv
import logging
import sys
from tempfile import TemporaryDirectory

import sqlmodel
from bs4 import BeautifulSoup
from factory.alchemy import SQLAlchemyModelFactory
from flask import Flask
from flask_admin import Admin
from flask_alembic import Alembic
from flask_debugtoolbar import DebugToolbarExtension
from flask_debugtoolbar.panels.sqlalchemy import SQLAlchemyDebugPanel
from flask_login import LoginManager, current_user
from flask_migrate import Migrate
from flask_security import (
    FSQLALiteUserDatastore,
    Security,
    SQLAlchemySessionUserDatastore,
)
from flask_sqlalchemy_lite import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import event
from sqlalchemy.orm import Session

from snippets.models import Base, Tag, User, create_tables
from snippets.recipes import flask_security
from snippets.views import UserView
from snippets.workarounds.lazy_session import LazySession


def create_app(config=None, **options):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db = SQLAlchemy(app, **options)
    with app.app_context():
        create_tables(db)

    admin = Admin(app)
    admin.add_view(UserView(User, LazySession(db)))
    return app


# region measure
def measure(probe):
    """Add an extension to an admin and use it twice.

    :return: what it says, whether the second use worked with a session of the first
        one, and how many connections are out after both.
    """
    with TemporaryDirectory() as folder:
        config = {
            "TESTING": True,
            "SQLALCHEMY_ENGINES": {"default": f"sqlite:///{folder}/guide.db"},
            "ALEMBIC": {"script_location": f"{folder}/migrations"},
            "MIGRATIONS": f"{folder}/migrations",
        }
        app = create_app(config, **getattr(probe, "options", {}))
        db = app.extensions["sqlalchemy"]
        try:
            said, first, second = twice(probe(app, db))
        except Exception as error:
            return [f"{type(error).__name__}: {error}".splitlines()[0], "", ""]
        finally:
            with app.app_context():
                kept = db.engine.pool.checkedout()
                db.engine.dispose()
    shared = any(old is new for old in first for new in second)
    return [said or "works", "yes" if shared else "no", kept]


EVENTS = ["after_begin", "do_orm_execute"]


def twice(use):
    """Call ``use`` twice; what it says, and the sessions of both calls."""
    sessions = []

    def note(source, *others):
        sessions[-1].append(getattr(source, "session", source))

    for name in EVENTS:
        event.listen(Session, name, note)
    try:
        for _ in range(2):
            sessions.append([])
            said = use()
    finally:
        for name in EVENTS:
            event.remove(Session, name, note)
    return said, *sessions


# endregion measure


# region accounts
def visit(app, account):
    """Send requests as somebody who is logged in."""
    app.add_url_rule("/who", view_func=lambda: current_user.email)
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = account

    def use():
        assert client.get("/who").text == "ada@example.com"
        assert client.get("/admin/user/").status_code == 200

    return use


def login(app, db):
    """Flask-Login: a `user_loader` that asks `db.session`"""
    LoginManager(app).user_loader(lambda id: db.session.get(User, id))
    return visit(app, "1")


def security(app, db):
    """Flask-Security: `FSQLALiteUserDatastore(db, …)`"""
    return secure(app, db, FSQLALiteUserDatastore(db, *ACCOUNTS))


def security_session(app, db):
    """Flask-Security: `SQLAlchemySessionUserDatastore(db.session, …)`, in a context"""
    with app.app_context():
        store = SQLAlchemySessionUserDatastore(db.session, *ACCOUNTS)
    return secure(app, db, store)


ACCOUNTS = flask_security.Member, flask_security.Role


def secure(app, db, store):
    app.config["SECURITY_PASSWORD_SALT"] = "example"  # noqa: S105
    Security(app, store)
    with app.app_context():
        flask_security.Base.metadata.create_all(db.engine)
        ada = {"email": "ada@example.com", "password": "", "fs_uniquifier": "ada"}
        db.session.add(flask_security.Member(**ada, active=True))
        db.session.commit()
    return visit(app, "ada")


# endregion accounts


# region migrations
def alembic(app, db, **options):
    """Flask-Alembic: `Alembic(app)`"""
    extension = Alembic(app, **options)

    def use():
        with app.app_context():
            assert extension.compare_metadata() == []

    return use


def alembic_metadata(app, db):
    """Flask-Alembic: `Alembic(app, metadatas=Base.metadata)`"""
    return alembic(app, db, metadatas=Base.metadata)


def migrate(app, db):
    """Flask-Migrate: `Migrate(app, db)`, then `flask db migrate`"""
    Migrate(app, db, directory=app.config["MIGRATIONS"])

    def use():
        for command in "init", "migrate":
            done = app.test_cli_runner().invoke(args=["db", command])
            if done.exception:
                raise done.exception

    return use


# endregion migrations


# region others
def factory_session(app, db):
    """factory_boy: `sqlalchemy_session = db.session`, in a context"""
    with app.app_context():

        class TagFactory(SQLAlchemyModelFactory):
            class Meta:
                model = Tag
                sqlalchemy_session = db.session
                sqlalchemy_session_persistence = "commit"

    return make_tags(app, TagFactory)


def factory_function(app, db):
    """factory_boy: `sqlalchemy_session_factory = get_session`"""

    def get_session():
        return db.session

    class TagFactory(SQLAlchemyModelFactory):
        class Meta:
            model = Tag
            sqlalchemy_session_factory = get_session
            sqlalchemy_session_persistence = "commit"

    return make_tags(app, TagFactory)


def make_tags(app, factory):
    names = iter(["first", "second"])

    def use():
        with app.app_context():
            factory(name=next(names))

    return use


def debugtoolbar(app, db):
    """Flask-DebugToolbar: its SQLAlchemy panel"""
    app.debug = True
    panel = SQLAlchemyDebugPanel
    app.config["DEBUG_TB_PANELS"] = [f"{panel.__module__}.{panel.__name__}"]
    DebugToolbarExtension(app)

    def use():
        page = BeautifulSoup(app.test_client().get("/admin/user/").text, "html.parser")
        return page.select_one("#flDebugSQLAlchemyPanel small").text

    return use


def wtf(app, db):
    """Flask-WTF: `CSRFProtect(app)`"""
    CSRFProtect(app)

    def use():
        client = app.test_client()
        assert client.post("/admin/user/delete/").status_code == 400
        assert client.get("/admin/user/").status_code == 200

    return use


def sqlmodel_exec(app, db):
    """SQLModel: `db.session.exec(…)`"""

    def use():
        with app.app_context():
            assert db.session.exec(sqlmodel.select(User)).first().name == "Ada"

    return use


def sqlmodel_session(app, db):
    """SQLModel: the same, `session_options={"class_": sqlmodel.Session}`"""
    return sqlmodel_exec(app, db)


sqlmodel_session.options = {"session_options": {"class_": sqlmodel.Session}}
# endregion others

PROBES = [
    login,
    security,
    security_session,
    alembic,
    alembic_metadata,
    migrate,
    factory_function,
    factory_session,
    debugtoolbar,
    wtf,
    sqlmodel_exec,
    sqlmodel_session,
]


def rows():
    """The table: what is handed over, and what was measured."""
    yield ["What you hand over", "What it says", "Session kept", "Connections kept"]
    for probe in PROBES:
        yield [probe.__doc__, *map(str, measure(probe))]


def main():
    # Otherwise Alembic reports what it does.
    logging.basicConfig(level="ERROR")
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows())


if __name__ == "__main__":
    main()
