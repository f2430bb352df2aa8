"""Both kinds of session see one database, and a connection keeps to its event loop."""

import asyncio
import json
import subprocess
import sys

import pytest
from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError

from snippets.models import Base
from snippets.recipes import async_app
from tools.measure.removal import without
from tools.paths import ROOT

MISSING = "(sqlalchemy.exc.MissingGreenlet) greenlet_spawn has not been called"


def titles(surface):
    return [post["title"] for post in json.loads(surface.get("/posts"))]


def async_engine(surface):
    with surface.app.app_context():
        return surface.app.extensions["sqlalchemy"].async_engine


def test_both_sides_see_what_the_admin_writes(surface):
    assert titles(surface) == ["A compiler", "Nanoseconds", "Notes on the engine"]
    surface.submit("/admin/post/edit/", {"title": "An engine"}, id=1)
    surface.submit("/admin/post/new/", {"title": "Zeros", "author": "1"})
    after = ["A compiler", "An engine", "Nanoseconds", "Zeros"]
    assert titles(surface) == after
    assert all(any(it in row for row in surface.rows("/admin/post/")) for it in after)


def test_a_connection_stays_in_the_event_loop_that_opened_it(surface):
    engine, same = async_engine(surface).sync_engine, []

    def opened(connection, record):
        record.info["loop"] = asyncio.get_running_loop()

    def used(connection, record, *rest):
        same.append(record.info["loop"] is asyncio.get_running_loop())

    event.listen(engine, "connect", opened)
    event.listen(engine, "checkout", used)
    event.listen(engine, "checkin", used)
    titles(surface)
    titles(surface)
    assert same == [True] * 4


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


# In a process of its own that collects no garbage: the load that fails leaves a
# coroutine unawaited, and CPython 3.11.7 can crash when the collector meets it.
LAZY = """
import gc, os, sys
gc.disable()
from snippets.recipes import async_app
from tools.paths import ROOT
from tools.measure.removal import without
module = without(async_app, ".options(joinedload(Post.author))")
app = module.create_app({"SQLALCHEMY_ENGINES": {"default": sys.argv[1]}})
app.testing = True
try:
    app.test_client().get("/posts")
except Exception as error:
    print(error, flush=True)
os._exit(0)
"""


def test_removal_of_the_eager_load(tmp_path):
    command = [sys.executable, "-W", "ignore", "-c", LAZY, f"sqlite:///{tmp_path}/a.db"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert MISSING in done.stdout, done.stderr


def test_binds_leave_no_asynchronous_session():
    app = Flask(__name__)
    app.config["SQLALCHEMY_ENGINES"] = {"default": "sqlite://"}
    app.config["SQLALCHEMY_ASYNC_ENGINES"] = {"default": "sqlite+aiosqlite://"}
    db = SQLAlchemy(app, session_options={"binds": {Base: "default"}})
    with app.app_context(), pytest.raises(ArgumentError, match="AsyncEngine expected"):
        _ = db.async_session
