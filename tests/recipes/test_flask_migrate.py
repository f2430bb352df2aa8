"""Flask-Migrate's own env.py works once ``db`` has the metadata of the base class."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace

import flask_sqlalchemy as full
import pytest
from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy_lite import SQLAlchemy
from packaging.requirements import Requirement
from sqlalchemy import String, create_engine, inspect, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from snippets.recipes import flask_migrate
from tools import listing
from tools.measure.removal import without
from tools.measure.surface import Failure

NAME = "name: Mapped[str] = mapped_column(String(100))"
COLOUR = f"colour: Mapped[str | None] = mapped_column(String(20))\n    {NAME}"
GIVEN = "db.metadata = Base.metadata"
INSERT = """
    tag = sa.table("flask_migrate_tag", sa.column("name", sa.String))
    op.execute(tag.insert().values(name="sql"))"""
CREATED = ["create_the_tables.py"]
END = "\n\n\ndef downgrade"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Flask-Migrate's env.py disables the loggers that are there already."""
    monkeypatch.setattr("logging.config.fileConfig", lambda path: None)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "migrations"


@pytest.fixture
def start(drive, tmp_path):
    """Start a version of the program on the database of the one before it."""

    def start(module=flask_migrate):
        url = f"sqlite:///{tmp_path}/guide.db"
        config = {"SQLALCHEMY_ENGINES": {"default": url}}
        return drive(lambda given: module.create_app(given | config))

    return start


def configured(folder):
    """An application without an extension, for either of them."""
    app, url = Flask(__name__), f"sqlite:///{folder}/guide.db"
    app.config["SQLALCHEMY_ENGINES"] = {"default": url}
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    return app


def flask(surface, *arguments):
    done = surface.app.test_cli_runner().invoke(args=["db", *arguments])
    if done.exception:
        raise done.exception
    return done.output


def migrate(surface):
    flask(surface, "init")
    flask(surface, "migrate", "-m", "Create the tables")
    flask(surface, "upgrade")


def revisions(folder):
    return [path.name[13:] for path in sorted((folder / "versions").glob("*.py"))]


def test_the_admin_works_after_an_upgrade(start, folder):
    surface = start()
    with pytest.raises(Failure, match="no such table: flask_migrate_tag"):
        surface.rows("/admin/tag/")
    migrate(surface)
    assert revisions(folder) == CREATED
    surface.submit("/admin/tag/new/", {"name": "after"})
    assert "after" in surface.rows("/admin/tag/")[0]
    with surface.app.app_context():
        current = flask_migrate.db.session.scalars(
            text("SELECT * FROM alembic_version")
        )
        assert len(current.all()) == 1
    assert surface.pool.checkedout() == 0


def test_the_commands_of_the_page(tmp_path):
    """In an empty folder, with the program as the page prints it."""
    empty = tmp_path / "empty"
    empty.mkdir()
    source = Path(flask_migrate.__file__).read_text("utf-8")
    (empty / "app.py").write_text(listing.program(source), "utf-8")
    for command in "db init", "db migrate", "db upgrade", "routes":
        # The only module `app` there is, as in a shell of a reader.
        done = subprocess.run(
            [sys.executable, "-m", "flask", *command.split()],
            cwd=empty,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    assert "/admin/tag/" in done.stdout
    engine = create_engine(f"sqlite:///{empty}/instance/guide.db")
    tables = inspect(engine).get_table_names()
    engine.dispose()
    assert tables == ["alembic_version", "flask_migrate_tag"]


def test_removal_of_the_metadata(start):
    with pytest.raises(AttributeError) as found:
        migrate(start(without(flask_migrate, GIVEN)))
    assert str(found.value) == ("'ProxySQLAlchemy' object has no attribute 'metadata'")


def test_plain_lite(tmp_path):
    app = configured(tmp_path)
    db = SQLAlchemy(app)
    Migrate(app, db)
    with pytest.raises(AttributeError) as found:
        migrate(SimpleNamespace(app=app))
    assert str(found.value) == "'SQLAlchemy' object has no attribute 'metadata'"
    db.metadata = flask_migrate.Base.metadata
    flask(SimpleNamespace(app=app), "migrate", "-m", "Create the tables")
    assert revisions(tmp_path / "migrations") == CREATED


def test_a_new_column(start, folder):
    migrate(start())
    surface = start(without(flask_migrate, NAME, COLOUR))
    with pytest.raises(Failure, match=r"no such column: flask_migrate_tag\.colour"):
        surface.rows("/admin/tag/")
    flask(surface, "migrate", "-m", "Colour tags")
    flask(surface, "upgrade")
    assert surface.rows("/admin/tag/") == []
    assert set(revisions(folder)) == {*CREATED, "colour_tags.py"}


def test_nothing_to_migrate(start, folder):
    surface = start()
    migrate(surface)
    flask(surface, "migrate", "-m", "Again")
    assert revisions(folder) == CREATED


def test_tables_that_create_all_made_are_in_no_revision(start, folder):
    surface = start()
    with surface.app.app_context():
        flask_migrate.Base.metadata.create_all(flask_migrate.db.engine)
    migrate(surface)
    assert revisions(folder) == []


def test_models_that_are_not_imported_are_dropped(start, folder):
    migrate(start())
    module = without(flask_migrate, GIVEN)
    module.db.metadata = type("Other", (DeclarativeBase,), {}).metadata
    flask(start(module), "migrate", "-m", "Nothing is imported")
    (revision,) = (folder / "versions").glob("*_nothing_is_imported.py")
    assert "op.drop_table('flask_migrate_tag')" in revision.read_text("utf-8")


def test_revisions_of_flask_sqlalchemy_go_on(start, folder, tmp_path):
    """A folder that was made with Flask-SQLAlchemy's ``db`` keeps its env.py."""
    app = configured(tmp_path)
    db = full.SQLAlchemy(app, model_class=type("Other", (DeclarativeBase,), {}))
    Migrate(app, db)

    class Tag(db.Model):
        __tablename__ = "flask_migrate_tag"

        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(String(100))

    migrate(SimpleNamespace(app=app))
    assert revisions(folder) == CREATED
    written = (folder / "env.py").read_bytes()
    surface = start(without(flask_migrate, NAME, COLOUR))
    flask(surface, "migrate", "-m", "Colour tags")
    flask(surface, "upgrade")
    assert surface.rows("/admin/tag/") == []
    assert (folder / "env.py").read_bytes() == written


def test_flask_migrate_requires_the_other_extension():
    names = {Requirement(line).name for line in metadata.requires("Flask-Migrate")}
    assert "Flask-SQLAlchemy" in names


def test_sql_is_printed_without_a_database(start, folder, tmp_path):
    surface = start()
    migrate(surface)
    (revision,) = (folder / "versions").glob("*.py")
    written = revision.read_text("utf-8")
    revision.write_text(written.replace(END, INSERT + END), "utf-8")
    with surface.app.app_context():
        flask_migrate.db.engine.dispose()
    (tmp_path / "guide.db").unlink()
    printed = flask(surface, "upgrade", "--sql")
    assert "CREATE TABLE flask_migrate_tag" in printed
    assert "INSERT INTO flask_migrate_tag (name) VALUES ('sql')" in printed
    assert not (tmp_path / "guide.db").exists()
