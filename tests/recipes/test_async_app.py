"""Both kinds of session see one database, and a connection keeps to its event loop."""

import asyncio
import json
import subprocess
import sys
from importlib.metadata import version

import pytest
from flask import Flask
from flask_admin import BaseView, expose
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import event, select
from sqlalchemy.exc import ArgumentError

from snippets.recipes import async_app
from snippets.recipes.async_app import Base, Post
from tools.measure.removal import without
from tools.measure.surface import Failure
from tools.paths import ROOT

MISSING = "(sqlalchemy.exc.MissingGreenlet) greenlet_spawn has not been called"
RUNNING = "You cannot use AsyncToSync in the same thread as an async event loop"


def titles(surface):
    return [post["title"] for post in json.loads(surface.get("/posts"))]


def async_engine(surface):
    with surface.app.app_context():
        return surface.app.extensions["sqlalchemy"].async_engine


def test_both_sides_see_what_the_admin_writes(surface):
    assert titles(surface) == ["A first post"]
    surface.submit("/admin/post/edit/", {"title": "An engine"}, id=1)
    surface.submit("/admin/post/new/", {"title": "Zeros", "author": "1"})
    after = ["An engine", "Zeros"]
    assert titles(surface) == after
    assert all(any(it in row for row in surface.rows("/admin/post/")) for it in after)


def test_a_form_without_its_token_changes_nothing(surface):
    surface.send(
        "POST", "/admin/post/edit/?id=1", data={"title": "Forged", "author": 1}
    )
    assert titles(surface) == ["A first post"]


def watch(surface):
    """Note of each use of a connection whether it is in the loop that opened it."""
    engine, same = async_engine(surface).sync_engine, []

    def opened(connection, record):
        record.info["loop"] = asyncio.get_running_loop()

    def used(connection, record, *rest):
        same.append(record.info["loop"] is asyncio.get_running_loop())

    event.listen(engine, "connect", opened)
    event.listen(engine, "checkout", used)
    event.listen(engine, "checkin", used)
    return same


def test_a_connection_stays_in_the_event_loop_that_opened_it(surface):
    same = watch(surface)
    titles(surface)
    titles(surface)
    assert same == [True] * 4


def close_with_the_context(surface, db):
    """Use the session that Lite closes, return how often a connection moved."""

    @surface.app.get("/last")
    async def last():
        return await db.async_session.scalar(select(Post.title))

    same = watch(surface)
    assert surface.get("/last") == "A first post"
    asyncio.run(async_engine(surface).dispose())
    return len(same)


def test_the_teardown_of_asynchronous_sessions_stays(surface):
    if not surface.url.startswith("mysql"):
        assert close_with_the_context(surface, async_app.db) == 2
        return
    # The context closes it in another event loop, which aiomysql does not take.
    with pytest.raises(RuntimeError, match="attached to a different loop"):
        close_with_the_context(surface, async_app.db)


def test_removal_of_the_condition_on_the_teardown(drive):
    line = 'if not app.config.get("SQLALCHEMY_ASYNC_ENGINES"):'
    module = without(async_app, line, "if True:")
    # Taken from the pool and never given back.
    assert close_with_the_context(drive(module.create_app), module.db) == 1


def test_a_context_cannot_end_in_a_running_loop(surface):
    """As in a gevent worker that serves several requests, or in an ASGI server."""

    async def enter(app):
        with app.app_context():
            pass

    with pytest.raises(RuntimeError, match=RUNNING):
        asyncio.run(enter(surface.app))
    config = {"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}
    app = Flask(__name__)
    app.config.from_mapping(config)
    async_app.ProxySQLAlchemy(app)
    asyncio.run(enter(app))


def test_an_asynchronous_view_of_the_admin(drive):
    class Report(BaseView):
        @expose("/")
        async def index(self):
            async with async_app.db.async_sessionmaker() as session:
                return await session.scalar(select(Post.title))

    def create_app(config):
        app = async_app.create_app(config)
        app.extensions["admin"][0].add_view(Report(name="Report"))
        return app

    surface = drive(create_app)
    if version("flask-admin") == "1.6.1":
        with pytest.raises(Failure, match="it was a coroutine"):
            surface.get("/admin/report/")
    else:
        assert surface.get("/admin/report/") == "A first post"


@pytest.mark.parametrize(
    ("line", "replacement"),
    [
        ('"poolclass": NullPool,', ""),
        (
            "async with db.async_sessionmaker() as session:",
            "if session := db.async_session:",
        ),
    ],
)
def test_removal(line, replacement, drive):
    surface = drive(without(async_app, line, replacement).create_app)
    with pytest.raises(AssertionError, match="False"):
        test_a_connection_stays_in_the_event_loop_that_opened_it(surface)
    asyncio.run(async_engine(surface).dispose())


def test_removal_of_the_form_class(drive):
    module = without(async_app, "form_base_class = SecureForm", "pass")
    with pytest.raises(AssertionError, match="Forged"):
        test_a_form_without_its_token_changes_nothing(drive(module.create_app))


# In a process of its own that collects no garbage: the load that fails leaves a
# coroutine unawaited, and CPython 3.11.7 can crash when the collector meets it.
LAZY = """
import gc, os, sys
gc.disable()
from snippets.recipes import async_app
from tools.measure.removal import without
from tools.measure.surface import Failure
module = without(async_app, ".options(joinedload(Post.author))")
app = module.create_app({"SQLALCHEMY_ENGINES": {"default": sys.argv[1]}})
app.testing = True
try:
    app.test_client().get("/posts")
except Exception as error:
    print(error, flush=True)
os._exit(0)
"""


def test_removal_of_the_eager_load(new_database):
    command = [sys.executable, "-W", "ignore", "-c", LAZY, new_database()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert MISSING in done.stdout, done.stderr


def test_binds_leave_no_asynchronous_session():
    app = Flask(__name__)
    app.config["SQLALCHEMY_ENGINES"] = {"default": "sqlite://"}
    app.config["SQLALCHEMY_ASYNC_ENGINES"] = {"default": "sqlite+aiosqlite://"}
    db = SQLAlchemy(app, session_options={"binds": {Base: "default"}})
    with app.app_context(), pytest.raises(ArgumentError, match="AsyncEngine expected"):
        _ = db.async_session


def test_binds_of_the_synchronous_sessions_alone():
    app = Flask(__name__)
    app.config["SQLALCHEMY_ENGINES"] = {"default": "sqlite://"}
    app.config["SQLALCHEMY_ASYNC_ENGINES"] = {"default": "sqlite+aiosqlite://"}
    db = SQLAlchemy(app)
    with app.app_context():
        db.sessionmaker.configure(binds={Base: db.engine})
        assert db.session.get_bind(Post) is db.engine
        assert db.async_session.bind is db.async_engine
