"""The table of neighbours is what their probes answer."""

import csv
from pathlib import Path

import pytest

from snippets import neighbours
from snippets.neighbours import LITE, PROXY, answer
from tools.measure.removal import without

TABLE = Path(neighbours.__file__).with_suffix(".csv")
COMMITTED = {row[0]: row[1:] for row in csv.reader(TABLE.open(encoding="utf-8"))}
OUTSIDE = "RuntimeError: Working outside of application context."
TURNED = [
    neighbours.factory_boy,
    neighbours.flask_dance,
    neighbours.marshmallow,
    neighbours.flask_marshmallow,
    neighbours.security,
    neighbours.wtforms_model,
    neighbours.sqlmodel_views,
]
all_probes = pytest.mark.parametrize(
    "probe", neighbours.PROBES, ids=lambda probe: probe.__name__
)


@pytest.fixture(autouse=True)
def _no_logging(monkeypatch):
    """Flask-Migrate's env.py disables the loggers that are there already."""
    monkeypatch.setattr("logging.config.fileConfig", lambda path: None)


@all_probes
def test_the_table(probe):
    assert [answer(probe, LITE), answer(probe, PROXY)] == COMMITTED[probe.__doc__]


def test_the_table_is_whole():
    assert len(COMMITTED) == len(neighbours.PROBES) + 1


@all_probes
def test_what_turns(probe):
    plain, proxied = COMMITTED[probe.__doc__]
    # The message of Flask-Migrate names the class.
    same = plain == proxied.replace("ProxySQLAlchemy", "SQLAlchemy")
    assert (probe in TURNED) == (not same)
    if probe in TURNED:
        assert (plain, proxied) == (OUTSIDE, "works")


@pytest.mark.parametrize("probe", TURNED, ids=lambda probe: probe.__name__)
def test_removal_of_the_subclass(probe):
    line = "LITE, PROXY = SQLAlchemy, ProxySQLAlchemy"
    module = without(neighbours, line, "LITE, PROXY = SQLAlchemy, SQLAlchemy")
    assert answer(getattr(module, probe.__name__), module.PROXY) == OUTSIDE


def test_a_session_that_is_kept_is_told():
    def kept(db, make):
        app = make()
        with app.app_context():
            session = db.sessionmaker()
        return lambda: session.get(neighbours.User, 1)

    assert answer(kept, PROXY) == "keeps a session: 1 connection out"
