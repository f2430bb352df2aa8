"""What is printed of servers is what was measured, and a leak is found on each."""

import asyncio
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import g
from sqlalchemy import text

from snippets.workarounds import lazy_session, proxy_sqlalchemy
from tools import claims, results, verdicts
from tools.measure import evidence, servers
from tools.measure.production.clients import Meeting
from tools.measure.production.serving import get, serving
from tools.measure.reliability import postgres
from tools.measure.reliability.approaches import BROKEN

MEASURED = results.servers()
OTHERS = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
AND backend_type = 'client backend' AND xact_start IS NOT NULL
AND pid <> pg_backend_pid()"""
# The planted approach, which a server loads from here.
db = proxy_sqlalchemy.db
KEPT = []


def add_leaking(admin, views, app):
    """The one answer, but it keeps a session when another request has one open."""
    proxy_sqlalchemy.add_views(admin, views)

    @app.teardown_appcontext
    def leak(error):
        if not KEPT and "_sqlalchemy_sessions" in g and db.session.scalar(text(OTHERS)):
            KEPT.append(g.pop("_sqlalchemy_sessions"))


@pytest.fixture(scope="module")
def server():
    with postgres.running() as server:
        yield server


@pytest.mark.parametrize("title", servers.SERVERS)
def test_a_leak_that_takes_an_overlap_is_found(title, server):
    kind, planted = servers.SERVERS[title], f"{__name__}:add_leaking"
    assert servers.cell(server, kind, planted)["failed"] == ["connections are kept"]


def test_without_an_overlap_nobody_would_find_it(server):
    kind, planted = servers.SERVERS["gunicorn gthread"], f"{__name__}:add_leaking"
    assert "requests" in servers.cell(server, kind, planted, number=1)


@pytest.mark.parametrize("title", servers.SERVERS)
def test_the_one_answer_holds(title, server):
    kind = servers.SERVERS[title]
    found = servers.cell(server, kind, "proxy-sqlalchemy")
    assert found["requests"] % 2 == 0


def test_asgiref_serves_one_request_at_a_time(server):
    kind = servers.SERVERS["uvicorn with asgiref"]
    with (
        server.database() as url,
        serving(kind, "proxy-sqlalchemy", url) as ports,
        ThreadPoolExecutor(8) as pool,
    ):
        said = pool.map(lambda _: get(ports[0], "/thread"), range(8))
        assert len({*said}) == 1


def test_asgiref_breaks_connections_that_are_kept_alive():
    """An application of three lines, so that nothing of this guide is the cause."""
    assert servers.keep_alive() == MEASURED["keep_alive"]
    assert MEASURED["keep_alive"].startswith("RuntimeError: CurrentThreadExecutor")


def test_what_is_printed_is_of_approaches_that_work():
    """But for the one that shows what the run can see."""
    known = results.compatibility()
    for release, found in MEASURED["releases"].items():
        assert [*found] == [*servers.SERVERS]
        for cells in found.values():
            assert {
                name
                for name in {*cells} - {BROKEN}
                if verdicts.state(known, name, release) == verdicts.FAILS
            } == set()


def test_what_holds_and_what_does_not():
    for release, found in servers.verdicts(MEASURED).items():
        for title, cells in found.items():
            assert cells["proxy-sqlalchemy"] == "holds", (release, title)
            assert cells.get(BROKEN, "fails") == "fails", (release, title)
    lazy = {title: cells["lazy-session"] for title, cells in found.items()}
    assert {title for title in lazy if lazy[title] == "fails"} == {"gunicorn gevent"}


def test_it_was_measured_with_the_versions_of_today():
    """Of Flask-Admin the table says which, and PostgreSQL may be yours."""
    pins = claims.pins()
    stale = {
        name: version
        for name, version in MEASURED["packages"].items()
        if name not in ("Flask-Admin", "PostgreSQL")
        and f"=={version}" not in [str(pin.specifier) for pin in pins[name.lower()]]
    }
    assert stale == {}, "run nox -s measure -- servers"
    assert MEASURED["packages"].keys() >= {*servers.PACKAGES}


def test_creating_an_application_in_an_event_loop():
    """As uvicorn does: plain Lite cannot leave the context that makes the tables."""
    config = {"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}

    async def create(module):
        return module.create_app(config)

    with pytest.raises(RuntimeError, match="cannot use AsyncToSync in the same thread"):
        asyncio.run(create(lazy_session))
    assert asyncio.run(create(proxy_sqlalchemy))


@pytest.mark.parametrize(
    "path",
    [
        "snippets/workarounds/lazy_session.py",
        "tools/measure/production/app.py",
        "tools/measure/servers.py",
    ],
)
def test_a_changed_file_makes_it_stale(path, tmp_path, monkeypatch):
    for pattern in evidence.RESTS_ON["servers"]:
        for each in evidence.ROOT.glob(pattern):
            copy = tmp_path / each.relative_to(evidence.ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(each.read_bytes())
    before = evidence.of("servers")
    monkeypatch.setattr(evidence, "ROOT", tmp_path)
    assert evidence.of("servers") == before
    with (tmp_path / path).open("a") as file:
        file.write("\n")
    assert evidence.of("servers") != before


def test_what_the_tables_ask():
    fails = {"failed": ["requests fail"], "why": "RuntimeError: no"}
    old, new = {"a": {"requests": 44}, "b": fails}, {"a": fails, "c": {"requests": 44}}
    run = {"releases": {"1.6.1": {"s": old}, "2.2.1": {"s": new}}}
    assert verdicts.on_server(run, "s", "a") == {
        (): ["1.6.1"],
        ("requests fail",): ["2.2.1"],
    }
    assert verdicts.on_server(run, "s", "none") == {}
    assert verdicts.run_on(run, "a") == ["1.6.1", "2.2.1"]
    assert verdicts.run_on(run, "c") == ["2.2.1"]
    assert verdicts.fails_on(run, "s", ["a", "b", "c"]) == ["a", "b"]
    assert verdicts.said_on(run) == {"RuntimeError: no": {"s": {"b": None, "a": None}}}


def test_a_request_does_not_wait_for_one_that_is_over():
    meeting, there = Meeting(), []
    meeting.leave("0/1")

    def meet(name):
        with socket.create_connection(("127.0.0.1", meeting.port)) as place:
            place.sendall(name.encode())
            there.append(place.recv(1))

    meet("0/1")
    waiting = threading.Thread(target=meet, args=["0/2"])
    waiting.start()
    meeting.leave("0")
    waiting.join(10)
    assert there == [b".", b"."]
    assert meeting.met == set()


def test_a_cell_that_was_measured_otherwise_is_not_kept():
    cells = [{"waitress": {name: {"requests": 1}}} for name in "ab"]
    old, new = ({"content": "x", "releases": {"1.6.1": each}} for each in cells)
    both = servers.merged(old, new)["releases"]["1.6.1"]["waitress"]
    assert [*both] == ["a", "b"]
    new["content"] = "y"
    assert servers.merged(old, new) == new


def test_an_unknown_argument_is_one_sentence():
    with pytest.raises(SystemExit, match="'all' is no approach of data/claims"):
        servers.main(["all"])


def test_a_server_that_is_missing_is_one_sentence(monkeypatch):
    def running():
        raise postgres.NoServer("PostgreSQL does not answer: refused")

    monkeypatch.setattr(postgres, "running", running)
    with pytest.raises(SystemExit, match="servers: PostgreSQL does not answer"):
        servers.measure([], [])
