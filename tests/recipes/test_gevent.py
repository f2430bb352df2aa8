"""One gevent worker of gunicorn serves requests that end at the same time."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import NullPool, create_engine, text

from snippets.recipes import gevent, gevent_conf
from tools.measure.gunicorn_server import Server
from tools.measure.removal import without

# What the clients get as an error 500, and what gunicorn writes to its log.
ASYNC_TO_SYNC = (
    "RuntimeError: You cannot use AsyncToSync in the same thread as an async event loop"
)
ASYNCIO_RUN = "RuntimeError: asyncio.run() cannot be called from a running event loop"
NAMES = ["first", "second", "later"]
# How the requests are made to overlap: no load, no time.
HOOK = """
def post_worker_init(worker):
    import asyncio
    from threading import Barrier
    from time import sleep
    from flask import g, request

    app = worker.app.wsgi()
    overlap = Barrier(3)

    @app.before_request
    def note():
        g.name = request.form.get("name")

    # The last one registered is the first to run: the row is committed, the session
    # open, and Lite's own teardown is next.
    @app.teardown_appcontext
    def meet(error):
        if g.name:
            overlap.wait(10)
            # Go on while another request is in its event loop, if there is one.
            turns = 100 if g.name == "later" else 0
            while turns and asyncio._get_running_loop() is None:
                turns -= 1
                sleep(0)

    @app.get("/out")
    def out():
        return str(app.extensions["sqlalchemy"].engine.pool.checkedout())
"""


class Worker(Server):
    """gunicorn with one worker, and what three clients get of it."""

    def save(self, name, form):
        return self.create(name, *form)

    def overlap(self):
        """The status of each of three saves; none ends before all have committed."""
        forms = [self.form() for _ in NAMES]
        with ThreadPoolExecutor(3) as pool:
            return sorted(pool.map(self.save, NAMES, forms))

    def out(self):
        """How many connections are not back in the pool."""
        return int(self.request("GET", "/out")[1])


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/guide.db"


@pytest.fixture
def saved(url):
    def saved():
        engine = create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            names = set(connection.scalars(text("SELECT name FROM gevent_tag")))
        return sorted(names & set(NAMES))

    return saved


@pytest.fixture
def serve(tmp_path, url):
    """Start gunicorn as the page does, with lines of the program replaced."""

    @contextmanager
    def serve(line="", replacement="", conf=""):
        source = Path(gevent.__file__).read_text("utf-8")
        assert not line or source.count(line) == 1
        (tmp_path / "app.py").write_text(
            source.replace(line, replacement) if line else source, "utf-8"
        )
        config = Path(gevent_conf.__file__).read_text("utf-8") + conf + HOOK
        (tmp_path / "gunicorn.conf.py").write_text(config, "utf-8")
        command = [sys.executable, "-m", "gunicorn", "app:create_app()"]
        command += ["--bind", "127.0.0.1:0", "--workers", "1", "--no-control-socket"]
        with subprocess.Popen(
            command,
            cwd=tmp_path,
            env={"DATABASE_URL": url, "SECRET_KEY": "testing"},
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            server = Worker(process)
            try:
                server.port = int(server.wait_for(r"Listening at: http://.*:(\d+)")[1])
                server.wait_for("Using worker: gevent")
                yield server
            finally:
                process.terminate()
                server.said += process.stderr.read()

    return serve


def test_requests_that_overlap(serve, saved):
    with serve() as server:
        assert server.overlap() == [302, 302, 302]
        assert server.out() == 0
        # And again: nothing of the first round is in the way.
        page = server.request("GET", "/admin/tag/")[1]
        assert all(name in page for name in NAMES)
    assert saved() == sorted(NAMES)
    assert "Error" not in server.said


# Each leaves Lite's asynchronous teardown where it is.
@pytest.mark.parametrize(
    ("line", "replacement"),
    [
        ('if not app.config.get("SQLALCHEMY_ASYNC_ENGINES"):', "if False:"),
        ("if not iscoroutinefunction(function)", "if True"),
        ("app.teardown_appcontext_funcs[:] = [", "_ = ["),
    ],
)
def test_removal(line, replacement, serve, saved):
    """Two of three clients get an error, and the rows of all three are there."""
    with serve(line, replacement) as server:
        assert server.overlap() == [302, 500, 500]
    assert saved() == sorted(NAMES)
    assert ASYNC_TO_SYNC in server.said
    assert ASYNCIO_RUN in server.said


def test_removal_one_client_alone_sees_nothing(serve):
    with serve("app.teardown_appcontext_funcs[:] = [", "_ = [") as server:
        answers = [server.request("GET", "/admin/tag/")[0].status for _ in range(5)]
    assert answers == [200] * 5


def names(module, monkeypatch, **config):
    """The teardown functions of the program, one of them the application's own."""

    async def yours(error):
        pass

    class WithTeardown(Flask):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.teardown_appcontext(yours)
            # A method of a built-in object belongs to no module.
            self.teardown_appcontext([].append)

    monkeypatch.setattr(module, "Flask", WithTeardown)
    app = module.create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}} | config)
    return [function.__name__ for function in app.teardown_appcontext_funcs]


YOURS = ["yours", "append"]


def test_an_async_teardown_of_yours_stays(monkeypatch):
    assert names(gevent, monkeypatch) == [*YOURS, "_close_sessions"]


def test_removal_of_the_module(monkeypatch):
    line = 'or not function.__module__.startswith("flask_sqlalchemy_lite")'
    broken = without(gevent, line, "")
    assert names(broken, monkeypatch) == ["append", "_close_sessions"]


CONDITION = 'if not app.config.get("SQLALCHEMY_ASYNC_ENGINES"):'
ASYNC = {"SQLALCHEMY_ASYNC_ENGINES": {"default": "sqlite+aiosqlite://"}}


def test_with_an_asynchronous_engine_nothing_is_removed(monkeypatch):
    kept = [*YOURS, "_close_sessions", "_close_async_sessions"]
    assert names(gevent, monkeypatch, **ASYNC) == kept


def test_removal_of_the_condition(monkeypatch):
    broken = without(gevent, CONDITION, "if True:")
    assert names(broken, monkeypatch, **ASYNC) == [*YOURS, "_close_sessions"]


def test_preload(serve, saved):
    """Even then: gevent patches a worker after the application was made."""
    with serve(conf="\npreload_app = True\n") as server:
        assert server.overlap() == [302, 302, 302]
    assert saved() == sorted(NAMES)
