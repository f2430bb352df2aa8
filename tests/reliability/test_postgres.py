"""The behaviour contract on PostgreSQL, and what each request leaves open there."""

import re
import threading
from contextlib import closing

import pytest

from snippets.recipes import bulk_delete
from tools.measure import compatibility, contract
from tools.measure.approaches import load
from tools.measure.contract import CHECKS, judge
from tools.measure.reliability import app
from tools.measure.reliability.approaches import BROKEN, WORKING
from tools.measure.removal import without
from tools.measure.surface import Failure, Surface, alerts

# https://github.com/pallets-eco/flask-admin/issues/2951: ids are sent as text.
UPSTREAM = {
    "bulk-delete": "ProgrammingError: (psycopg.errors.UndefinedFunction) "
    "operator does not exist: integer = character varying"
}


def wired(approach):
    return load(compatibility.APPROACHES[approach]["wiring"])


def failing(outcomes):
    fine = compatibility.OK, compatibility.NOT_REACHED
    return {check for check, text in outcomes.items() if text not in fine}


class Watch:
    """Ask PostgreSQL after each request how many connections wait in a transaction.

    :param app: the application; its requests go through this from now on.
    """

    def __init__(self, app, server, url):
        self.server, self.url = server, url
        self.requests, self.waiting = 0, []
        self.running, self.lock = 0, threading.Lock()
        self.wsgi_app, app.wsgi_app = app.wsgi_app, self

    def __call__(self, environ, start_response):
        with self.lock:
            self.requests += 1
            self.running += 1
        body = self.wsgi_app(environ, start_response)
        try:
            yield from body
        finally:
            body.close()
            with self.lock:
                self.running -= 1
        # A request that runs beside this one may well be in a transaction.
        if not self.running:
            self.waiting.append(self.server.in_transaction(self.url))


# What the web recommends keeps connections, each answer in a way of its own.
ASKED = [
    name for name in compatibility.installed_approaches() if not name.startswith("web-")
]


@pytest.mark.parametrize("approach", ASKED)
def test_contract(approach, server, monkeypatch, record):
    """Every check ends as on SQLite, but for what no approach can help."""
    original, watches = contract.factory, []

    def watching(*args):
        create_app = original(*args)

        def watched(config):
            made = create_app(config)
            watches.append(Watch(made, server, config["SQLALCHEMY_DATABASE_URI"]))
            return made

        return watched

    monkeypatch.setattr(contract, "factory", watching)
    got = {}
    with server.database() as url:
        # Those that need a process of their own are asked under load.
        for check in (name for name in CHECKS if CHECKS[name].process is None):
            before = len(watches)
            got[check] = judge(wired(approach), check, url).splitlines()[0]
            if check == "another-teardown-fails":
                # Its sessions stay until Python collects them, whatever the approach.
                del watches[before:]
            server.empty(url)
    expected = {check: compatibility.committed(approach, check) for check in got}
    if watches:
        expected |= UPSTREAM
    expected = {check: text.splitlines()[0] for check, text in expected.items()}
    if approach in WORKING:
        assert got == expected
    else:
        # What two sessions do to each other depends on the locks of the database.
        assert failing(got) == failing(expected)

    requests = sum(watch.requests for watch in watches)
    after = [kept for watch in watches for kept in watch.waiting]
    if approach == BROKEN:
        # All but a refused commit and what follows it in the same request.
        assert sum(map(bool, after)) > requests / 2
    else:
        assert not any(after)
    cell = {
        "failed": {
            check: text for check, text in got.items() if text != compatibility.OK
        },
        "requests": requests,
        "left in a transaction": sum(map(bool, after)),
    }
    record("postgres", approach, cell)
    record("packages", "PostgreSQL", server.version)


def test_bulk_delete_recipe(server):
    """The recipe deletes here, and without its key line it fails as its page says."""
    tickets, closed = "/admin/ticket/", [2]
    with (
        server.database() as url,
        closing(Surface(bulk_delete.create_app, url)) as good,
    ):
        said = alerts(good.action(tickets, "delete", closed))
        assert said == "Record was successfully deleted."
        assert len(good.rows(tickets)) == 2
    broken = without(bulk_delete, "[int(id) for id in ids if id.isdecimal()]", "ids")
    with server.database() as url, closing(Surface(broken.create_app, url)) as bad:
        with pytest.raises(Failure, match=re.escape(UPSTREAM["bulk-delete"])):
            bad.action(tickets, "delete", closed)
        assert len(bad.rows(tickets)) == 3


def test_bulk_delete_by_number(server, monkeypatch):
    """The one check that fails passes once ids are numbers."""
    app.delete_by_number(monkeypatch.setattr)
    with server.database() as url:
        assert judge(wired("lazy-session"), "bulk-delete", url) == compatibility.OK
