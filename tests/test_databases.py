"""What is printed of database servers is what was measured, and a bad word ends it."""

import pytest

from tools import claims, results, verdicts
from tools.measure import compatibility, databases

MEASURED = results.databases()


def test_every_approach_that_works_was_asked_on_every_server():
    assert {
        release: {database: {*cells} for database, cells in found.items()}
        for release, found in MEASURED["failed"].items()
    } == {
        release: {
            database: {name for _, name in databases.wirings(release)}
            for database in databases.DATABASES
        }
        for release in databases.RELEASES
    }


@pytest.mark.parametrize("release", databases.RELEASES)
def test_the_one_answer_holds_on_servers(release):
    """But for a bulk delete with psycopg 3, which fails however a session is passed."""
    known = verdicts.cell(results.compatibility(), "proxy-sqlalchemy", release).failed
    found = MEASURED["failed"][release]
    failed = {d: {*cells["proxy-sqlalchemy"]} - {*known} for d, cells in found.items()}
    assert failed == {"PostgreSQL": {"bulk-delete"}, "MariaDB": set()}
    assert all("bulk-delete" in cell for cell in found["PostgreSQL"].values())


@pytest.mark.parametrize("release", databases.RELEASES)
def test_a_server_adds_no_other_fault(release):
    known = results.compatibility()
    for cells in MEASURED["failed"][release].values():
        for name, failed in cells.items():
            cell = verdicts.cell(known, name, release)
            assert failed.keys() <= {*cell.failed, "bulk-delete"}, name


def test_every_recipe_that_takes_a_database_passes_on_every_server():
    names = {name for name, _ in claims.recipes()} - {"gevent", "gunicorn"}
    assert MEASURED["recipes"].keys() == databases.DATABASES.keys()
    for found in MEASURED["recipes"].values():
        assert {name: cell["failed"] for name, cell in found.items()} == {
            name: [] for name in names
        }


def test_the_recipes_are_not_stale():
    fresh = compatibility.content([], [name for name, _ in claims.recipes()])
    stale = {
        f"recipes/{name}"
        for found in MEASURED["recipes"].values()
        for name, cell in found.items()
        if cell["content"] != fresh[f"recipes/{name}"]
    }
    assert stale == set(), "run nox -s measure -- databases, with these names"


def test_an_unknown_argument_is_one_sentence():
    with pytest.raises(SystemExit, match="'all' is no recipe"):
        databases.main(["all"])


def test_a_server_that_is_missing_is_one_sentence(monkeypatch):
    def running():
        raise databases.NoServer("PostgreSQL does not answer: refused")

    module = type("Missing", (), {"running": staticmethod(running)})
    monkeypatch.setattr(databases, "DATABASES", {"PostgreSQL": module})
    with pytest.raises(SystemExit, match="databases: PostgreSQL does not answer"):
        databases.measure([], [])
