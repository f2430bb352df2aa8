"""Each line is needed, and what the subclass changes of Lite is this and no more."""

import asyncio
import inspect
import json
import os
import subprocess
import sys

import pytest
import sqlalchemy
from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from packaging.version import Version
from sqlalchemy import event, select, text
from sqlalchemy.orm import Query, Session, object_session

from snippets.models import Base, User, create_tables
from snippets.workarounds import custom_modelview, lazy_session, proxy_sqlalchemy
from snippets.workarounds.proxy_sqlalchemy import ProxySQLAlchemy
from tools.measure.approaches import Approach
from tools.measure.contract import judge
from tools.measure.removal import without
from tools.paths import ROOT

OUTSIDE = "RuntimeError: Working outside of application context."


@pytest.fixture
def made(tmp_path):
    """An application with a database, and its ``db``."""
    return make(tmp_path, ProxySQLAlchemy())


def make(folder, db, **config):
    app = Flask("proxy")
    app.config["SQLALCHEMY_ENGINES"] = {"default": f"sqlite:///{folder}/proxy.db"}
    app.config |= config
    db.init_app(app)
    with app.app_context():
        create_tables(db)
    return app, db


def test_the_proxy_is_the_same_in_every_program():
    programs = lazy_session, proxy_sqlalchemy, custom_modelview
    sources = map(inspect.getsource, programs)
    parts = {
        source[source.index("class LazySession") :].split("\n\n\n")[0]
        for source in sources
    }
    assert len(parts) == 1


@pytest.mark.parametrize(
    ("line", "replacement", "check", "message"),
    [
        (
            "cast(Session, LazySession(self))",
            "self.get_session()",
            "construct",
            OUTSIDE,
        ),
        ("    @property\n    def session", "    def other", "construct", OUTSIDE),
    ],
)
def test_removal(line, replacement, check, message, new_database):
    module = without(proxy_sqlalchemy, line, replacement)
    got = judge(Approach(module.db, module.add_views), check, new_database())
    assert got.startswith(message)


def test_removal_inside_a_context(new_database):
    """There the session of the moment is found, and refused."""
    module = without(
        proxy_sqlalchemy, "cast(Session, LazySession(self))", "self.get_session()"
    )

    def add(admin, views, app):
        with app.app_context():
            module.add_views(admin, views)

    got = judge(Approach(module.db, add), "construct", new_database())
    assert got.startswith("TypeError: Passing a session object directly is not")


def gevent(wiring, folder):
    command = [sys.executable, "-m", "tools.measure.overlap", folder, wiring]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)[wiring]["gevent"]


FAILS_ON_GEVENT = "1 of 2 requests failed, although its row was saved: RuntimeError: "


def test_removal_of_the_cure_for_gevent(tmp_path):
    """With Lite's asynchronous teardown left in place one of two requests fails."""
    cured = "snippets.workarounds.proxy_sqlalchemy:add_views"
    left = "snippets.workarounds.lazy_session:add_views"
    assert gevent(cured, tmp_path) == "ok"
    assert gevent(left, tmp_path).startswith(FAILS_ON_GEVENT)


ASYNCHRONOUS = """
from snippets.workarounds.proxy_sqlalchemy import ProxySQLAlchemy

class WithAsyncEngine(ProxySQLAlchemy):
    def init_app(self, app):
        url = "sqlite+aiosqlite://"
        app.config["SQLALCHEMY_ASYNC_ENGINES"] = {"default": url}
        super().init_app(app)

db = WithAsyncEngine()

def add_views(admin, views):
    for view, model in views:
        admin.add_view(view(model, db.session))
"""


def test_gevent_fails_with_an_asynchronous_engine(tmp_path):
    (tmp_path / "asynchronous.py").write_text(ASYNCHRONOUS, "utf-8")
    assert gevent("asynchronous:add_views", tmp_path).startswith(FAILS_ON_GEVENT)


def test_only_the_asynchronous_teardown_of_lite_goes(tmp_path):
    async def theirs(error):
        pass

    app = Flask("proxy")
    app.teardown_appcontext(theirs)
    app.config["SQLALCHEMY_ENGINES"] = {"default": "sqlite://"}
    ProxySQLAlchemy().init_app(app)
    names = [function.__name__ for function in app.teardown_appcontext_funcs]
    assert names == ["theirs", "_close_sessions"]


def test_an_asynchronous_engine_keeps_its_teardown(tmp_path):
    url = {"default": f"sqlite+aiosqlite:///{tmp_path}/proxy.db"}
    app, db = make(tmp_path, ProxySQLAlchemy(), SQLALCHEMY_ASYNC_ENGINES=url)
    opened = []

    async def names():
        opened.append(db.async_session)
        return (await db.async_session.scalars(select(User.name))).all()

    app.add_url_rule("/", "names", lambda: asyncio.run(names()))
    assert app.test_client().get("/").json == ["Ada", "Grace"]
    assert not opened[0].in_transaction()


def test_what_takes_a_session_takes_the_proxy(made):
    app, db = made
    with app.app_context():
        user = db.session.get(User, 1)
        assert user in db.session
        assert isinstance(db.session, Session)
        assert Query(User, session=db.session).count() == 2
        # It compares equal, and it is another object.
        assert object_session(user) == db.session
        assert object_session(user) is not db.session
        assert object_session(user) is db.get_session()
        assert object_session(user) is db.session()
        seen = []
        event.listen(db.session, "before_commit", seen.append)
        db.session.add(User(name="Alan", email="alan@example.com"))
        db.session.commit()
        assert len(seen) == 1
        assert db.get_or_abort(User, 3).name == "Alan"
        assert db.session is db.session
        assert user in list(db.session)
        assert not hasattr(db.session, "query_property")
        assert db.get_session("other") is not db.get_session()
    with app.app_context():
        assert db.session.scalar(select(User.id).limit(1)) == 1


def test_outside_of_a_context(made):
    _, db = made
    assert not isinstance(db.session, Session)
    assert not hasattr(db.session, "_action")
    # No AttributeError: the proxy cannot know what a session has without one.
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        hasattr(db.session, "query")
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        db.session.execute(text("SELECT 1"))


def test_two_applications_share_one_db(tmp_path):
    db = ProxySQLAlchemy()
    for name in "ab":
        (tmp_path / name).mkdir()
    apps = [make(tmp_path / name, db)[0] for name in "ab"]
    session = db.session
    with apps[0].app_context():
        session.add(User(name="Alan", email="alan@example.com"))
        session.commit()
    with apps[1].app_context():
        assert len(session.scalars(select(User)).all()) == 2


def test_the_isolation_of_lite_works(made):
    app, db = made
    with db.test_isolation(), app.app_context():
        db.session.add(User(name="Alan", email="alan@example.com"))
        db.session.flush()
    with app.app_context():
        assert len(db.session.scalars(select(User)).all()) == 2


def two_commits_in_isolation(app, db):
    """What the second commit raises, and how many rows are there afterwards."""
    error = None
    with db.test_isolation():
        try:
            for name in "ab":
                with app.app_context():
                    db.session.add(User(name=name, email=name))
                    db.session.commit()
        except RecursionError as raised:
            error = type(raised)
    with app.app_context():
        return error, len(db.session.scalars(select(User)).all())


def test_the_isolation_of_lite_around_two_commits(tmp_path):
    """It does what it does with plain Lite: on SQLAlchemy 2.1 it fails."""
    outcomes = []
    for extension in SQLAlchemy, ProxySQLAlchemy:
        folder = tmp_path / extension.__name__
        folder.mkdir()
        outcomes.append(two_commits_in_isolation(*make(folder, extension())))
    assert outcomes[0] == outcomes[1]
    if Version(sqlalchemy.__version__) >= Version("2.1"):
        assert outcomes[0] == (RecursionError, 3)


USER_PROGRAM = """
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from snippets.workarounds.proxy_sqlalchemy import db


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)


def ids() -> list[int]:
    return list(db.session.scalars(select(User.id)))


db.session.comit()
reveal_type(db.session)
reveal_type(db.session.get(User, 1))
"""


def test_mypy_knows_the_type_of_the_session(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(USER_PROGRAM, "utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", tmp_path]
    done = subprocess.run([*command, program], cwd=ROOT, capture_output=True, text=True)
    said = [line for line in done.stdout.splitlines() if line.startswith(str(program))]
    assert [line.split(": ", 1)[1].split("  [")[0] for line in said] == [
        'error: "Session" has no attribute "comit"; maybe "commit"?',
        'note: Revealed type is "sqlalchemy.orm.session.Session"',
        'note: Revealed type is "program.User | None"',
    ]
    # What you paste is not annotated throughout, and --strict says so.
    assert "proxy_sqlalchemy.py:" in done.stdout


def test_db_is_still_a_db_of_lite():
    assert isinstance(ProxySQLAlchemy(), SQLAlchemy)
    assert Base.metadata.tables
