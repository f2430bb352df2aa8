"""The moved application answers as the one before, and async works."""

import asyncio
import threading

import pytest
from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy

from snippets import why_lite
from snippets.move import after, before
from snippets.workarounds.proxy_sqlalchemy import ProxySQLAlchemy
from tools.measure.removal import without

PATHS = [
    "/users/1",
    "/users/9",
    "/users/named/Grace",
    "/users/named/Nobody",
    "/users",
    "/users?page=2",
    "/users?page=3",
    "/users?page=0",
    "/users?page=x",
    "/queries",
]


def answers(create_app, folder, name):
    urls = [f"sqlite:///{folder}/{name}{part}.db" for part in ("", "-log")]
    client = create_app(*urls).test_client()
    found = [client.get(path) for path in PATHS]
    return [(answer.status, answer.json) for answer in found]


def test_both_answer_the_same(tmp_path):
    old = answers(before.create_app, tmp_path, "before")
    assert answers(after.create_app, tmp_path, "after") == old
    assert old[0] == ("200 OK", {"name": "Ada", "posts": ["Engine"]})
    assert [status for status, _ in old].count("404 NOT FOUND") == 5


@pytest.mark.parametrize("create_app", [before.create_app, after.create_app])
def test_a_second_application_has_its_own_databases(create_app, tmp_path):
    for name in "one", "two":
        answers(create_app, tmp_path, name)
    for name in "one", "one-log", "two", "two-log":
        assert (tmp_path / f"{name}.db").stat().st_size > 0


def test_removal_of_the_bind(tmp_path):
    line = 'session_options={"binds": {LogBase: "log"}}'
    module = without(after, line)
    with pytest.raises(Exception, match="no such table: visit"):
        answers(module.create_app, tmp_path, "after")


def test_the_old_settings():
    old = {"SQLALCHEMY_DATABASE_URI": "sqlite://", "SQLALCHEMY_BINDS": {"log": "x://"}}
    app = Flask(__name__)
    app.config.from_mapping(old)
    with pytest.raises(
        RuntimeError, match=r"Either 'SQLALCHEMY_ENGINES\[\"default\"\]'"
    ):
        SQLAlchemy(app)
    app.config["SQLALCHEMY_ENGINES"] = {"default": "sqlite://"}
    db = SQLAlchemy(app)
    with app.app_context():
        assert list(db.engines) == ["default"]


def test_async(tmp_path):
    url = f"sqlite+aiosqlite:///{tmp_path}/test.db"
    client = why_lite.create_app(url).test_client()
    client.post("/notes/one")
    client.post("/notes/two")
    assert client.get("/notes").json == ["one", "two"]


def test_removal_of_the_commit(tmp_path):
    module = without(
        why_lite, "await db.async_session.commit()\n        return", "return"
    )
    url = f"sqlite+aiosqlite:///{tmp_path}/test.db"
    client = module.create_app(url).test_client()
    client.post("/notes/one")
    assert client.get("/notes").json == []


@pytest.mark.parametrize(
    ("extension", "count"), [(SQLAlchemy, 3), (ProxySQLAlchemy, 0)]
)
def test_each_request_starts_a_thread_and_a_loop(extension, count, monkeypatch):
    """Without an asynchronous engine as well; and not once the teardown is removed."""
    started = []

    def start(self, _original=threading.Thread.start):
        started.append("thread")
        _original(self)

    def run(main, *args, _original=asyncio.run, **kwargs):
        started.append("loop")
        return _original(main, *args, **kwargs)

    app = Flask(__name__)
    app.config["SQLALCHEMY_ENGINES"] = {"default": "sqlite://"}
    extension(app)
    app.add_url_rule("/", view_func=lambda: "done", endpoint="view")
    monkeypatch.setattr(threading.Thread, "start", start)
    monkeypatch.setattr(asyncio, "run", run)
    for _ in range(3):
        app.test_client().get("/")
    assert (started.count("thread"), started.count("loop")) == (count, count)
