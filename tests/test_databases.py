"""What is printed of database servers is what was measured, and a bad word ends it."""

import pytest

from tools import results, verdicts
from tools.measure import databases

MEASURED = results.databases()["failed"]


def test_every_approach_that_works_was_asked_on_every_server():
    names = {name for _, name in databases.wirings()}
    assert {database: {*cells} for database, cells in MEASURED.items()} == {
        database: names for database in databases.DATABASES
    }


def test_the_one_answer_holds_on_servers():
    """But for a bulk delete with psycopg 3, which fails however a session is passed."""
    failed = {d: {*cells["proxy-sqlalchemy"]} for d, cells in MEASURED.items()}
    assert failed == {"PostgreSQL": {"bulk-delete"}, "MariaDB": set()}
    assert all("bulk-delete" in cell for cell in MEASURED["PostgreSQL"].values())


def test_a_server_adds_no_other_fault():
    compatibility = results.compatibility()
    newest = verdicts.newest(compatibility)
    for cells in MEASURED.values():
        for name, failed in cells.items():
            known = {*newest.approaches[name].failed, "bulk-delete"}
            assert failed.keys() <= known


def test_an_unknown_argument_is_one_sentence():
    with pytest.raises(SystemExit, match="takes --check or nothing, not 'all'"):
        databases.main(["all"])


def test_a_server_that_is_missing_is_one_sentence(monkeypatch):
    def running():
        raise databases.NoServer("PostgreSQL does not answer: refused")

    module = type("Missing", (), {"running": staticmethod(running)})
    monkeypatch.setattr(databases, "DATABASES", {"PostgreSQL": module})
    with pytest.raises(SystemExit, match="databases: PostgreSQL does not answer"):
        databases.measure()
