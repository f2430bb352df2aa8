"""What goes wrong beside the application: what the user sees, what stays, what then."""

import socket
import threading

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.orm import Session
from werkzeug.serving import make_server

from tools.measure.compatibility import factory
from tools.measure.models import Post, User
from tools.measure.reliability.approaches import BROKEN, WORKING
from tools.measure.surface import Failure, Surface, alerts, configuration, require
from tools.measure.views import UserView

FAULTS = {}
ERROR_PAGE, MESSAGE, NOTHING = "an error page", "a message", "nothing"
TIMES = 3
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE 'refused'; END $$;
CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON "user"
DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()
"""
LONG = """
INSERT INTO post (title, body, author_id)
SELECT 'long ' || n, repeat('x', 10000), 1 FROM generate_series(1, 1500) AS n
"""


def fault(title, seen, **options):
    """Declare a fault: what a user sees of it, and options of the engine."""

    def declare(function):
        FAULTS[title] = function, seen, options
        return function

    return declare


class Case:
    """An approach with one connection in its pool: one that is kept is missed."""

    def __init__(self, approach, server, url, options):
        only = {"pool_size": 1, "max_overflow": 0, "pool_timeout": 0.2}
        config = configuration(url, **only | options)
        self.surface = Surface(lambda _: factory(approach)(config), url)
        self.pool, self.server, self.url = self.surface.pool, server, url
        self.surface.get("/admin/user/")

    def sql(self, statement):
        with self.surface.elsewhere() as session:
            session.execute(text(statement))
            session.commit()

    def rows(self):
        with self.surface.elsewhere() as session:
            users = session.execute(select(User.id, User.name, User.email))
            posts = session.execute(select(Post.id, Post.author_id))
            return sorted(map(tuple, users)), sorted(map(tuple, posts))

    def list(self):
        return self.seen("GET", "/admin/user/")

    def create(self, name=None, happen=None):
        """Post a form, and let something happen when a session comes to an event."""
        half = {"name": "Half", "email": "half@example.com"}
        data = self.surface.signed("/admin/user/new/", **half)
        if name is None:
            return self.seen("POST", "/admin/user/new/", data=data)
        event.listen(Session, name, happen)
        try:
            return self.seen("POST", "/admin/user/new/", data=data)
        finally:
            event.remove(Session, name, happen)

    def seen(self, method, path, **kwargs):
        response = self.surface.client.open(path, method=method, **kwargs)
        if response.status_code == 500:
            return ERROR_PAGE
        if "Failed to create record." in alerts(response.text):
            assert 'value="half@example.com"' in response.text
            return MESSAGE
        return NOTHING

    def next_request(self):
        """See that a list and a form work, and that nothing is kept open."""
        count = len(self.surface.rows("/admin/user/"))
        changes = {"name": "Next", "email": "next@example.com"}
        self.surface.submit("/admin/user/new/", changes)
        require(len(self.surface.rows("/admin/user/")) == count + 1, "no row was made")
        require(self.pool.checkedout() == 0, "a connection is kept")
        require(self.server.in_transaction(self.url) == 0, "a transaction is open")
        self.sql("""DELETE FROM "user" WHERE name = 'Next'""")


@fault("The server restarts between two requests", ERROR_PAGE)
def restart(case):
    case.list()
    case.server.stop(case.url)
    case.server.start(case.url)
    return case.list()


@fault(
    "The server restarts between two requests, `pool_pre_ping` on",
    NOTHING,
    pool_pre_ping=True,
)
def restart_with_ping(case):
    return restart(case)


@fault("The server is gone before a request", ERROR_PAGE)
def gone(case):
    case.server.stop(case.url)
    try:
        return case.list()
    finally:
        case.server.start(case.url)


@fault("The server stops between a row and its commit", MESSAGE)
def stop_in_request(case):
    try:
        return case.create("after_flush", lambda *_: case.server.stop(case.url))
    finally:
        case.server.start(case.url)


@fault("The connection is ended between a row and its commit", MESSAGE)
def disconnect(case):
    return case.create("after_flush", lambda *_: case.server.disconnect(case.url))


@fault("The database refuses the commit", MESSAGE)
def refuse_commit(case):
    case.sql(REFUSE)
    try:
        return case.create()
    finally:
        case.sql('DROP TRIGGER refuse ON "user"; DROP FUNCTION refuse')


@fault("`on_model_change` raises", MESSAGE)
def hook(case):
    def on_model_change(self, form, model, is_created):
        self.session.flush()
        raise RuntimeError("hook")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UserView, "on_model_change", on_model_change)
        return case.create()


@fault("The database is read-only", MESSAGE, pool_pre_ping=True)
def read_only(case):
    case.server.read_only(case.url, True)
    try:
        return case.create()
    finally:
        case.server.read_only(case.url, False)


@fault("The pool has no connection left", ERROR_PAGE)
def exhausted(case):
    with case.surface.app.app_context():
        engine = case.surface.app.extensions["sqlalchemy"].engine
    with engine.connect():
        return case.list()


@fault("The client hangs up in an export", NOTHING)
def hang_up(case):
    case.sql(LONG)
    ended = threading.Event()

    def application(environ, start_response):
        body = case.surface.app(environ, start_response)
        try:
            yield from body
        finally:
            body.close()
            ended.set()

    server = make_server("127.0.0.1", 0, application, threaded=True)
    threading.Thread(target=server.serve_forever).start()
    with socket.socket() as client:
        # What the client does not take in has to wait in the application.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(server.server_address)
        client.sendall(b"GET /admin/post/export/csv/ HTTP/1.0\r\n\r\n")
        client.recv(4096)
        assert not ended.wait(0.1)
    assert ended.wait(20)
    server.shutdown()
    server.server_close()
    case.sql("DELETE FROM post WHERE length(body) = 10000")
    return NOTHING


@pytest.mark.parametrize("title", FAULTS)
@pytest.mark.parametrize("approach", WORKING)
def test_fault(approach, title, server, record):
    """Nothing is half-written, and the next request works without a restart."""
    function, seen, options = FAULTS[title]
    with server.database() as url:
        case = Case(approach, server, url, options)
        before = case.rows()
        for _ in range(TIMES):
            assert function(case) == seen
            assert case.rows() == before
            case.next_request()
        case.surface.close()
    record("faults", title, approach, {"seen": seen, "then": "works", "times": TIMES})


# Its own first request takes the only connection, and keeps it.
@pytest.mark.parametrize(
    "title", [each for each in FAULTS if "no connection" not in each]
)
def test_broken(title, server, record):
    """The session that all requests share does not get over it, or keeps on leaking."""
    function, _, options = FAULTS[title]
    with server.database() as url:
        case = Case(BROKEN, server, url, options)
        before = case.rows()
        seen = function(case)
        assert case.rows() == before
        with pytest.raises(Failure) as failure:
            case.next_request()
        then = str(failure.value).split("  ")[0]
        if "PendingRollbackError" in then:
            assert [case.list() for _ in range(TIMES)] == [ERROR_PAGE] * TIMES
        case.surface.close()
    record("faults", title, BROKEN, {"seen": seen, "then": then, "times": 1})
