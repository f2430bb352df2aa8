"""Flask-Alembic makes and runs revisions; the admin works on their outcome."""

import itertools
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask.cli import FlaskGroup
from flask_alembic import Alembic
from sqlalchemy.exc import IntegrityError, OperationalError

from snippets.recipes import flask_alembic_migrations as recipe
from tools.measure.removal import without
from tools.measure.surface import Failure

LINE = "text: Mapped[str] = mapped_column(String(100))\n"
PINNED = f"{LINE}    pinned: Mapped[bool | None]\n"
OPTIONAL = LINE.replace("[str]", "[str | None]")


@pytest.fixture(autouse=True)
def numbers(monkeypatch):
    """Revisions are named after the second in which they are made."""
    numbers = map(str, itertools.count(1))
    monkeypatch.setattr(Alembic, "rev_id", lambda self: next(numbers))


@pytest.fixture
def config(tmp_path):
    return {
        "SQLALCHEMY_ENGINES": {"default": f"sqlite:///{tmp_path}/guide.db"},
        "ALEMBIC": {"script_location": f"{tmp_path}/migrations"},
    }


@pytest.fixture
def version(drive, config):
    """Start a version of the program on the database of the one before it."""

    def start(module):
        return drive(lambda given: module.create_app(given | config))

    return start


def flask(surface, *arguments):
    """Run the command of that name."""
    group = FlaskGroup(create_app=lambda: surface.app)
    done = surface.app.test_cli_runner().invoke(group, arguments)
    if done.exception:
        raise done.exception
    return done.output


def change(version, module):
    """Start the module after the recipe, make a revision, upgrade to it."""
    version(recipe)
    surface = version(module)
    flask(surface, "db", "revision", "Change note")
    flask(surface, "db", "upgrade")
    return surface


def test_the_admin_works_after_an_upgrade(version):
    surface = version(recipe)
    surface.submit("/admin/note/new/", {"text": "After it"})
    assert ["After it" in row for row in surface.rows("/admin/note/")] == [False, True]
    assert surface.pool.checkedout() == 0


def test_a_new_column(version):
    version(recipe)
    module = without(recipe, LINE, PINNED)
    surface = version(module)
    with pytest.raises(Failure, match=r"no such column: .*note\.pinned"):
        surface.rows("/admin/note/")
    flask(surface, "db", "revision", "Pin notes")
    with surface.app.app_context():
        assert module.alembic.needs_upgrade()
    flask(surface, "db", "upgrade")
    assert "Migrated" in surface.rows("/admin/note/")[0]
    assert "Pin notes" in flask(surface, "db", "current")
    assert surface.pool.checkedout() == 0


def test_an_altered_column(version):
    surface = change(version, without(recipe, LINE, OPTIONAL))
    surface.submit("/admin/note/new/", {"text": ""})
    assert len(surface.rows("/admin/note/")) == 2


def test_a_renamed_column_is_dropped_and_not_filled(version, tmp_path):
    with pytest.raises(IntegrityError, match=r"NOT NULL constraint failed: .*\.body"):
        change(version, without(recipe, LINE, LINE.replace("text", "body")))
    (revision,) = (tmp_path / "migrations").glob("*_change_note.py")
    assert "batch_op.drop_column('text')" in revision.read_text("utf-8")


def test_removal_of_the_batches(version, tmp_path):
    altered = tmp_path / "altered.py"
    source = Path(recipe.__file__).read_text("utf-8")
    altered.write_text(source.replace(LINE, OPTIONAL), "utf-8")
    module = SimpleNamespace(__file__=altered, __name__=recipe.__name__)
    with pytest.raises(OperationalError, match='near "ALTER": syntax error'):
        change(version, without(module, '"render_as_batch": True'))


def test_removal_of_the_metadata(version):
    module = without(recipe, "metadatas=Base.metadata")
    with pytest.raises(RuntimeError) as found:
        version(module)
    assert str(found.value) == (
        "When not using Flask-SQLAlchemy, pass 'metadatas' when creating the "
        "Alembic extension."
    )


def test_a_model_that_is_not_imported_is_dropped(version):
    other = "metadatas=type('Other', (DeclarativeBase,), {}).metadata"
    surface = change(version, without(recipe, "metadatas=Base.metadata", other))
    with pytest.raises(Failure, match=r"no such table: .*note"):
        surface.rows("/admin/note/")


def test_a_database_in_memory_is_lost(config):
    """Flask-Alembic invalidates its connection, the only one there is."""
    app = recipe.create_app(config | {"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    with (
        app.app_context(),
        pytest.raises(OperationalError, match=r"no such table: .*note"),
    ):
        recipe.db.session.get(recipe.Note, 1)
