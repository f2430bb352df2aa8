"""The pool survives a server that hangs up, and is enough for all threads."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress

import pytest
from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.exc import TimeoutError

from snippets.recipes import connection_pool
from snippets.recipes.connection_pool import POOL, create_app
from snippets.recipes.stale_data_kept import kept
from tools.measure.removal import without
from tools.measure.surface import Failure

PATH = "/admin/post/"
SMALL = {"pool_size": 2, "max_overflow": 0}
CLOSED = "Cannot operate on a closed database|the connection is closed|InterfaceError"


@pytest.fixture
def with_pool(drive, monkeypatch):
    """Drive the program, or a copy of it, with other options."""

    def make(module=connection_pool, **changes):
        monkeypatch.setattr(module, "POOL", module.POOL | changes)
        return drive(module.create_app)

    return make


def hang_up(surface):
    """Close the connections in the pool, as a server does that restarts."""
    used = []
    event.listen(
        surface.pool, "checkout", lambda connection, *_: used.append(connection)
    )
    surface.get(PATH)
    for connection in used:
        connection.close()
    assert used


def test_a_server_that_hung_up(surface):
    hang_up(surface)
    assert len(surface.rows(PATH)) == 2
    hang_up(surface)
    surface.submit(f"{PATH}edit/", {"title": "Changed"}, id=1)
    assert "Changed" in " ".join(surface.rows(PATH))


def test_without_the_ping_one_request_fails(with_pool):
    surface = with_pool(pool_pre_ping=False)
    hang_up(surface)
    with pytest.raises(Failure, match=CLOSED):
        surface.get(PATH)
    assert len(surface.rows(PATH)) == 2


def test_a_connection_lost_during_the_request(surface):
    def close(connection, record, proxy):
        connection.close()

    event.listen(surface.pool, "checkout", close)
    with pytest.raises(Failure, match=CLOSED):
        surface.get(PATH)
    event.remove(surface.pool, "checkout", close)
    assert len(surface.rows(PATH)) == 2


def test_an_old_connection_is_replaced(surface):
    def age(connection, record):
        record.starttime -= seconds

    opened = []
    event.listen(surface.pool, "connect", lambda *_: opened.append(True))
    event.listen(surface.pool, "checkin", age)
    seconds = 1700
    surface.get(PATH)
    surface.get(PATH)
    assert len(opened) == 0
    seconds = 1900
    surface.get(PATH)
    surface.get(PATH)
    assert len(opened) == 2


def test_a_request_uses_one_connection(with_pool):
    surface = with_pool(pool_size=1, pool_timeout=0)
    surface.rows(PATH, search="a")
    surface.get(f"{PATH}export/csv/")
    surface.submit(f"{PATH}new/", {"title": "One"})
    surface.submit(f"{PATH}new/", {"title": "Three"})
    surface.submit(f"{PATH}edit/", {"title": "Changed"}, id=1)
    assert len(surface.rows(PATH)) == 3


def limit(with_pool, module):
    """How many connections the pool gives out at the same time, up to 20."""
    surface = with_pool(module, pool_timeout=0)
    with ExitStack() as taken:
        with suppress(TimeoutError):
            for _ in range(20):
                taken.callback(surface.pool.connect().close)
        return surface.pool.checkedout()


def test_no_more_connections_than_allowed(with_pool):
    assert limit(with_pool, connection_pool) == 8


def visit(surface, threads):
    """Send requests from threads that stay alive, as those of a server do."""
    with ExitStack() as stack:
        workers = [stack.enter_context(ThreadPoolExecutor(1)) for _ in range(threads)]
        for _ in range(2):
            pages = [
                worker.submit(surface.send, "GET", PATH, surface.app.test_client())
                for worker in workers
            ]
            assert all("Two" in page.result() for page in pages)
    assert surface.pool.checkedout() == 0


def test_more_threads_than_connections(with_pool):
    visit(with_pool(**SMALL), threads=6)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        (2, "QueuePool limit of size 2 overflow 0 reached, connection timed out"),
        (4, "QueuePool limit of size 4 overflow 0 reached, connection timed out"),
    ],
)
def test_a_larger_pool_does_not_cure_a_leak(with_pool, size, message):
    module = without(connection_pool, "PostView(Post, db.session)", "view(Post)")
    module.view = lambda model: module.PostView(model, kept(module.db))
    surface = with_pool(module, pool_size=size, pool_timeout=0)
    found = pytest.raises(Failure, match=f"TimeoutError: {message}")
    with surface.without_collection(), found:
        visit(surface, threads=6)


def test_each_engine_has_its_own_options(tmp_path):
    app, db = Flask("two"), SQLAlchemy()
    url = f"sqlite:///{tmp_path}/two.db"
    app.config["SQLALCHEMY_ENGINES"] = {
        "default": {"url": url, **POOL},
        "reports": {"url": url, "pool_size": 2, "pool_timeout": 0.5},
    }
    db.init_app(app)
    with app.app_context():
        pools = [engine.pool for engine in db.engines.values()]
        assert [(pool.size(), pool.timeout()) for pool in pools] == [(8, 10), (2, 0)]


def test_sqlite_in_memory_takes_no_pool_size():
    with pytest.raises(TypeError, match=r"Invalid argument\(s\) 'pool_size'"):
        create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})


@pytest.mark.parametrize(
    ("line", "test"),
    [
        ('"pool_pre_ping": True,', test_a_server_that_hung_up),
        ('"pool_recycle": 1800,', test_an_old_connection_is_replaced),
        (", **POOL", test_a_server_that_hung_up),
    ],
)
def test_removal(line, test, drive):
    module = without(connection_pool, line)
    with pytest.raises((AssertionError, Failure)):
        test(drive(module.create_app))


@pytest.mark.parametrize("line", ['"pool_size": 8,', '"max_overflow": 0,'])
def test_removal_of_the_limit(line, with_pool):
    assert limit(with_pool, without(connection_pool, line)) != 8


def test_removal_of_the_wait(drive):
    module = without(connection_pool, '"pool_timeout": 10,')
    assert drive(module.create_app).pool.timeout() != 10
