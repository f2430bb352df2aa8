"""The table of extensions is what their probes measure."""

import csv
from pathlib import Path

import pytest

from snippets.recipes import extensions
from tools.measure.removal import without

TABLE = Path(extensions.__file__).with_suffix(".csv")
COMMITTED = {row[0]: row[1:] for row in csv.reader(TABLE.open(encoding="utf-8"))}


@pytest.fixture(autouse=True)
def _no_logging(monkeypatch):
    """Flask-Migrate's env.py disables the loggers that are there already."""
    monkeypatch.setattr("logging.config.fileConfig", lambda path: None)


def measured(probe):
    return list(map(str, extensions.measure(probe)))


@pytest.mark.parametrize("probe", extensions.PROBES, ids=lambda probe: probe.__name__)
def test_the_table(probe):
    assert measured(probe) == COMMITTED[probe.__doc__]


def test_the_table_is_whole():
    assert len(COMMITTED) == len(extensions.PROBES) + 1


def test_the_admin(drive):
    surface = drive(extensions.create_app)
    surface.submit("/admin/user/edit/", {"name": "Ada L"}, id=1)
    assert "Ada L" in surface.rows("/admin/user/")[0]


def kept(app, db):
    with app.app_context():
        session = db.sessionmaker()

    def use():
        session.get(extensions.User, 1)

    return use


def left_open(app, db):
    sessions = []

    def use():
        with app.app_context():
            sessions.append(db.sessionmaker())
        sessions[-1].get(extensions.User, 1)

    return use


@pytest.mark.parametrize("options", [{}, extensions.sqlmodel_session.options])
@pytest.mark.parametrize(
    ("probe", "found"),
    [(kept, ["works", "yes", "1"]), (left_open, ["works", "no", "2"])],
)
def test_what_is_planted_is_measured(probe, found, options, monkeypatch):
    monkeypatch.setattr(probe, "options", options, raising=False)
    assert measured(probe) == found


OUTSIDE = ["RuntimeError: Working outside of application context.", "", ""]


@pytest.mark.parametrize(
    ("line", "replacement", "probe", "found"),
    [
        (
            "lambda id: db.session.get(User, id)",
            "lambda id: app.extensions.setdefault(0, db.sessionmaker()).get(User, id)",
            "login",
            ["works", "yes", "1"],
        ),
        (
            "FSQLALiteUserDatastore(db, *ACCOUNTS)",
            "SQLAlchemySessionUserDatastore(db.session, *ACCOUNTS)",
            "security",
            OUTSIDE,
        ),
        (
            "alembic(app, db, metadatas=Base.metadata)",
            "alembic(app, db)",
            "alembic_metadata",
            COMMITTED["Flask-Alembic: `Alembic(app)`"],
        ),
        (
            "sqlalchemy_session_factory = get_session\n",
            "sqlalchemy_session = db.session\n",
            "factory_function",
            OUTSIDE,
        ),
        (
            '{"session_options": {"class_": sqlmodel.Session}}\n',
            "{}\n",
            "sqlmodel_session",
            COMMITTED["SQLModel: `db.session.exec(…)`"],
        ),
    ],
)
def test_removal(line, replacement, probe, found):
    module = without(extensions, line, replacement)
    assert measured(getattr(module, probe)) == found
