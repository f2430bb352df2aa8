"""Each model is read from and written to its own database, in each application."""

import re

import pytest
from sqlalchemy import MetaData, NullPool, create_engine, event, select, text
from sqlalchemy.exc import OperationalError

from snippets.recipes import several_databases
from snippets.recipes.several_databases import Customer, Invoice
from tools.measure.removal import without

NO_TABLE = "(sqlite3.OperationalError) no such table: invoice"
NO_ENGINE = (
    "'SQLALCHEMY_ENGINES[\"archive\"]' is not defined, but is used in "
    "'session_options[\"binds\"]'."
)


def with_archive(create_app):
    """Give each application a second database beside the one of the fixture."""

    def create(config):
        engines = config["SQLALCHEMY_ENGINES"]
        archive = engines["default"].replace(".db", "-archive.db")
        engines = engines | {"archive": archive}
        return create_app(config | {"SQLALCHEMY_ENGINES": engines})

    return create


@pytest.fixture
def make(drive):
    return lambda module=several_databases: drive(with_archive(module.create_app))


def content(url):
    """The tables of a database with the second column of their rows."""
    engine, tables = create_engine(url, poolclass=NullPool), MetaData()
    with engine.connect() as connection:
        tables.reflect(connection)
        return {
            name: [row[1] for row in connection.execute(select(table))]
            for name, table in tables.tables.items()
        }


def contents(surface):
    return content(surface.url), content(surface.url.replace(".db", "-archive.db"))


def test_each_model_has_its_database(make):
    surface = make()
    surface.submit("/admin/customer/new/", {"name": "Difference Engines"})
    surface.submit("/admin/invoice/edit/", {"number": "1843-002"}, id=1)
    assert contents(surface) == (
        {"customer": ["Analytical Engines", "Difference Engines"]},
        {"invoice": ["1843-002"]},
    )
    assert "Difference Engines" in surface.get("/admin/customer/")
    assert "1843-002" in surface.get("/admin/invoice/")


def test_a_second_application_has_databases_of_its_own(make):
    first, second = make(), make()
    second.submit("/admin/invoice/new/", {"number": "of the second"})
    first.submit("/admin/invoice/new/", {"number": "of the first"})
    assert contents(first)[1] == {"invoice": ["1843-001", "of the first"]}
    assert contents(second)[1] == {"invoice": ["1843-001", "of the second"]}
    assert "of the first" not in second.get("/admin/invoice/")


def test_an_engine_that_is_not_configured(drive):
    with pytest.raises(RuntimeError, match=re.escape(NO_ENGINE)):
        drive(several_databases.create_app)


def test_a_join_does_not_reach_across(make):
    app = make().app
    joined = select(Customer.name, Invoice.number).join(Invoice, onclause=text("1"))
    with app.app_context():
        session = app.extensions["sqlalchemy"].session
        with pytest.raises(OperationalError, match=re.escape(NO_TABLE)):
            session.execute(joined)


def test_a_commit_is_one_for_each_database(make):
    app, commits = make().app, []
    with app.app_context():
        db = app.extensions["sqlalchemy"]
        for name, engine in db.engines.items():
            event.listen(engine, "commit", lambda _, name=name: commits.append(name))
        db.session.add_all([Customer(name="Both"), Invoice(number="both")])
        db.session.commit()
    assert sorted(commits) == ["archive", "default"]


DB = 'db = SQLAlchemy(app, session_options={"binds": {ArchiveBase: "archive"}})'


@pytest.mark.parametrize(
    ("line", "replacement"),
    [
        (DB, "db = SQLAlchemy(app)"),
        (DB, 'db = SQLAlchemy(app); ArchiveBase.__bind_key__ = "archive"'),
        ('create_all(db.get_engine("archive"))', "create_all(db.engine)"),
    ],
)
def test_removal(line, replacement, make):
    module = without(several_databases, line, replacement)
    with pytest.raises(OperationalError, match=re.escape(NO_TABLE)):
        make(module)


def test_removal_of_a_db_for_each_application(make):
    shared = DB.replace("db = SQLAlchemy(app, ", "SQLAlchemy(")
    line = f'db = globals().setdefault("db", {shared})\n    db.init_app(app)'
    module = without(several_databases, DB, line)
    with pytest.raises(AssertionError, match="of the second"):
        test_a_second_application_has_databases_of_its_own(lambda: make(module))
