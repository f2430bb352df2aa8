"""Each model is read from and written to its own database, in each application."""

import re

import pytest
from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import MetaData, NullPool, create_engine, event, literal, select
from sqlalchemy.exc import OperationalError, ProgrammingError

from snippets.recipes import several_databases
from snippets.recipes.several_databases import ArchiveBase, Customer, Invoice
from tools.measure.removal import without

NO_TABLE = "(sqlite3.OperationalError) no such table: several_databases_invoice"
# PostgreSQL's words for it.
UNDEFINED = '(psycopg.errors.UndefinedTable) relation "several_databases_invoice"'
NO_ENGINE = "'SQLALCHEMY_ENGINES[\"archive\"]' was not defined."
FAILED = (OperationalError, ProgrammingError)
MISSING = f"{re.escape(NO_TABLE)}|{re.escape(UNDEFINED)}|Table '.+' doesn't exist"
CUSTOMERS, INVOICES = "several_databases_customer", "several_databases_invoice"


@pytest.fixture
def make(drive, new_database):
    """Start the program with a second database, whose address the surface keeps."""

    def make(module=several_databases):
        archive = new_database()

        def create_app(config):
            engines = config["SQLALCHEMY_ENGINES"] | {"archive": archive}
            return module.create_app(config | {"SQLALCHEMY_ENGINES": engines})

        surface = drive(create_app)
        surface.archive = archive
        return surface

    return make


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
    return content(surface.url), content(surface.archive)


def test_each_model_has_its_database(make):
    surface = make()
    surface.submit("/admin/customer/new/", {"name": "Difference Engines"})
    surface.submit("/admin/invoice/edit/", {"number": "1843-002"}, id=1)
    assert contents(surface) == (
        {CUSTOMERS: ["Analytical Engines", "Difference Engines"]},
        {INVOICES: ["1843-002"]},
    )
    assert "Difference Engines" in surface.get("/admin/customer/")
    assert "1843-002" in surface.get("/admin/invoice/")


def test_a_second_application_has_databases_of_its_own(make):
    first, second = make(), make()
    second.submit("/admin/invoice/new/", {"number": "of the second"})
    first.submit("/admin/invoice/new/", {"number": "of the first"})
    assert contents(first)[1] == {INVOICES: ["1843-001", "of the first"]}
    assert contents(second)[1] == {INVOICES: ["1843-001", "of the second"]}
    assert "of the first" not in second.get("/admin/invoice/")


def test_a_form_without_its_token_changes_nothing(make):
    surface = make()
    surface.send("POST", "/admin/customer/new/", data={"name": "Forged"})
    surface.send("POST", "/admin/invoice/new/", data={"number": "Forged"})
    assert contents(surface) == (
        {CUSTOMERS: ["Analytical Engines"]},
        {INVOICES: ["1843-001"]},
    )


def test_an_engine_that_is_not_configured(drive):
    line = '        "archive": "sqlite:///archive.db",\n'
    module = without(several_databases, line)
    with pytest.raises(KeyError) as caught:
        drive(module.create_app)
    assert caught.value.args == (NO_ENGINE,)


def test_a_join_does_not_reach_across(make):
    app = make().app
    joined = select(Customer.name, Invoice.number).join(Invoice, literal(True))
    with app.app_context():
        session = app.extensions["sqlalchemy"].session
        with pytest.raises(FAILED, match=MISSING):
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


def test_binds_in_the_options_serve_one_application():
    db = SQLAlchemy(session_options={"binds": {ArchiveBase: "archive"}})
    apps = [Flask(__name__), Flask(__name__)]
    for app in apps:
        app.config["SQLALCHEMY_ENGINES"] = dict.fromkeys(
            ["default", "archive"], "sqlite://"
        )
        db.init_app(app)
    first, second = apps
    with first.app_context():
        archive = db.get_engine("archive")
        assert db.session.get_bind(Invoice) is archive
    with second.app_context():
        assert db.session.get_bind(Invoice) is archive
        assert db.get_engine("archive") is not archive


BINDS = "        db.sessionmaker.configure(binds={ArchiveBase: archive})\n"


@pytest.mark.parametrize(
    ("line", "replacement"),
    [
        (BINDS, ""),
        (BINDS, '        ArchiveBase.__bind_key__ = "archive"\n'),
        ("ArchiveBase.metadata.create_all(archive)", "pass"),
        (
            "ArchiveBase.metadata.create_all(archive)",
            "ArchiveBase.metadata.create_all(db.engine)",
        ),
    ],
)
def test_removal(line, replacement, make):
    module = without(several_databases, line, replacement)
    with pytest.raises(FAILED, match=MISSING):
        make(module)


@pytest.mark.parametrize("view", ["CustomerView", "InvoiceView"])
def test_removal_of_the_form_class(view, make):
    line = f"class {view}(ModelView):\n    form_base_class = SecureForm\n"
    module = without(several_databases, line, f"class {view}(ModelView):\n    pass\n")
    with pytest.raises(AssertionError, match="Forged"):
        test_a_form_without_its_token_changes_nothing(lambda: make(module))
