# The probes say by assertions what they expect.
# ruff: noqa: S101
"""Ask other extensions what they do with Flask-SQLAlchemy-Lite.

.. testcode::

    from snippets.recipes.extensions import (
        ProxySQLAlchemy,
        SQLAlchemy,
        factory_session,
        measure,
    )

    print(measure(factory_session, SQLAlchemy))
    print(measure(factory_session, ProxySQLAlchemy))

.. testoutput::

    ['works', 'yes', 0]
    ['works', 'no', 0]
"""

import csv
import logging
import os
import secrets
import sys
from functools import cached_property
from inspect import iscoroutinefunction
from tempfile import TemporaryDirectory
from typing import cast

import sqlmodel
from bs4 import BeautifulSoup
from factory.alchemy import SQLAlchemyModelFactory
from flask import Flask, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_alembic import Alembic
from flask_debugtoolbar import DebugToolbarExtension
from flask_debugtoolbar.panels.sqlalchemy import SQLAlchemyDebugPanel
from flask_login import LoginManager, current_user
from flask_migrate import Migrate
from flask_security import (
    FSQLALiteUserDatastore,
    RoleMixin,
    Security,
    SQLAlchemySessionUserDatastore,
    UserMixin,
)
from flask_sqlalchemy_lite import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import Column, ForeignKey, String, Table, event
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


user_role = Table(
    "extensions_user_role",
    Base.metadata,
    Column("user_id", ForeignKey("extensions_user.id"), primary_key=True),
    Column("role_id", ForeignKey("extensions_role.id"), primary_key=True),
)


class Role(RoleMixin, Base):
    __tablename__ = "extensions_role"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)


class User(UserMixin, Base):
    __tablename__ = "extensions_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(100), unique=True)
    password: Mapped[str | None] = mapped_column(String(200))
    active: Mapped[bool] = mapped_column(default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    roles: Mapped[list[Role]] = relationship(secondary=user_role)


class Tag(Base):
    __tablename__ = "extensions_tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))


class TagView(ModelView):
    form_base_class = SecureForm


def create_app(config=None, db=db):
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
            db.session.add(User(email="ada@example.com", fs_uniquifier="ada"))
            db.session.add(Tag(name="history"))
            db.session.commit()

    admin = Admin(app)
    admin.add_view(TagView(Tag, LazySession(db)))
    return app


# region measure
def measure(probe, extension):
    """Add an extension to an admin and use it twice.

    :param extension: the class of ``db``.
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
        db = extension(**getattr(probe, "options", {}))
        app = create_app(config, db)
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
        assert client.get("/admin/tag/").status_code == 200

    return use


def login(app, db):
    """Flask-Login: a `user_loader` that asks `db.session`"""
    LoginManager(app).user_loader(lambda id: db.session.get(User, id))
    return visit(app, "1")


def security(app, db):
    """Flask-Security: `FSQLALiteUserDatastore(db, …)`"""
    return secure(app, FSQLALiteUserDatastore(db, User, Role))


def security_session(app, db):
    """Flask-Security: `SQLAlchemySessionUserDatastore(db.session, …)`, in a context"""
    with app.app_context():
        store = SQLAlchemySessionUserDatastore(db.session, User, Role)
    return secure(app, store)


def secure(app, store):
    app.config["SECURITY_PASSWORD_SALT"] = "example"  # noqa: S105
    Security(app, store)
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
    runner = app.test_cli_runner()
    runner.invoke(args=["db", "init"])

    def use():
        done = runner.invoke(args=["db", "migrate"])
        if done.exception:
            raise done.exception

    return use


def migrate_metadata(app, db):
    """Flask-Migrate: the same after `db.metadata = Base.metadata`"""
    db.metadata = Base.metadata
    return migrate(app, db)


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
        page = BeautifulSoup(app.test_client().get("/admin/tag/").text, "html.parser")
        return page.select_one("#flDebugSQLAlchemyPanel small").text

    return use


def wtf(app, db):
    """Flask-WTF: `CSRFProtect(app)`"""
    CSRFProtect(app)

    def use():
        client = app.test_client()
        assert client.post("/admin/tag/delete/").status_code == 400
        assert client.get("/admin/tag/").status_code == 200

    return use


def sqlmodel_exec(app, db):
    """SQLModel: `db.session.exec(…)`"""

    def use():
        with app.app_context():
            assert db.session.exec(sqlmodel.select(Tag)).first().name == "history"

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
    migrate_metadata,
    factory_function,
    factory_session,
    debugtoolbar,
    wtf,
    sqlmodel_exec,
    sqlmodel_session,
]


HEADER = ["What you pass", "Plain Lite says", "Session kept", "Connections kept"]


def rows():
    """The table: what is passed, and what was measured."""
    yield [*HEADER, "With ProxySQLAlchemy"]
    for probe in PROBES:
        said, shared, _ = measure(probe, ProxySQLAlchemy)
        proxy = "keeps a session" if shared == "yes" else said
        yield [probe.__doc__, *map(str, measure(probe, SQLAlchemy)), proxy]


def main():
    # Otherwise Alembic reports what it does.
    logging.basicConfig(level="ERROR")
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows())


if __name__ == "__main__":
    main()
