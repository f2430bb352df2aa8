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


def measured(probe, module=extensions):
    return list(map(str, module.measure(probe, module.SQLAlchemy)))


@pytest.mark.parametrize("probe", extensions.PROBES, ids=lambda probe: probe.__name__)
def test_the_table(probe):
    *plain, proxy = COMMITTED[probe.__doc__]
    assert measured(probe) == plain
    said, shared, kept = extensions.measure(probe, extensions.ProxySQLAlchemy)
    assert (said, shared in ("no", ""), kept in (0, "")) == (proxy, True, True)


def test_the_table_is_whole():
    assert len(COMMITTED) == len(extensions.PROBES) + 1


def test_the_admin(drive):
    surface = drive(extensions.create_app)
    surface.submit("/admin/tag/edit/", {"name": "hardware"}, id=1)
    assert "hardware" in surface.rows("/admin/tag/")[0]


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
            "FSQLALiteUserDatastore(db, User, Role)",
            "SQLAlchemySessionUserDatastore(db.session, User, Role)",
            "security",
            OUTSIDE,
        ),
        (
            "alembic(app, db, metadatas=Base.metadata)",
            "alembic(app, db)",
            "alembic_metadata",
            COMMITTED["Flask-Alembic: `Alembic(app)`"][:-1],
        ),
        (
            "db.metadata = Base.metadata\n",
            "pass\n",
            "migrate_metadata",
            COMMITTED["Flask-Migrate: `Migrate(app, db)`, then `flask db migrate`"][
                :-1
            ],
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
            COMMITTED["SQLModel: `db.session.exec(…)`"][:-1],
        ),
    ],
)
def test_removal(line, replacement, probe, found):
    module = without(extensions, line, replacement)
    assert measured(getattr(module, probe), module) == found
