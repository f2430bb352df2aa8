"""Flask-Migrate fails on Lite as it comes, and works with the edited env.py."""

from importlib import metadata
from pathlib import Path

import pytest
from flask_sqlalchemy_lite import SQLAlchemy
from packaging.requirements import Requirement
from sqlalchemy import text

from snippets import models
from snippets.recipes import flask_migrate, flask_migrate_env
from tools.measure.removal import without
from tools.measure.surface import Failure

COLUMN = "id: Mapped[int] = mapped_column(primary_key=True)\n    name: Mapped[str] ="
COLOUR = COLUMN.replace("name", "colour: Mapped[str | None]\n    name")
INSERT = """
    tag = sa.table("tag", sa.column("name", sa.String))
    op.execute(tag.insert().values(name="sql"))"""
CREATED = ["create_the_tables.py"]
END = "\n\n\ndef downgrade"


class WithMetadata(SQLAlchemy):
    metadata = models.Base.metadata


@pytest.fixture(autouse=True)
def _no_logging(monkeypatch):
    """Flask-Migrate's env.py disables the loggers that are there already."""
    monkeypatch.setattr("logging.config.fileConfig", lambda path: None)


@pytest.fixture
def env():
    return Path(flask_migrate_env.__file__).read_text("utf-8")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "migrations"


@pytest.fixture
def recipe():
    """The recipe, before anything was done with it."""
    return without(flask_migrate, "# endregion recipe")


@pytest.fixture
def start(drive, tmp_path, folder):
    """Start a module on one database."""

    def start(module, first_start=lambda app: None):
        module.first_start = first_start
        url = f"sqlite:///{tmp_path}/guide.db"
        config = {"SQLALCHEMY_ENGINES": {"default": url}, "MIGRATIONS": folder}
        return drive(lambda given: module.create_app(given | config))

    return start


def flask(surface, *arguments):
    done = surface.app.test_cli_runner().invoke(args=["db", *arguments])
    if done.exception:
        raise done.exception
    return done.output


def migrate(surface, folder, env=None):
    flask(surface, "init")
    if env:
        (folder / "env.py").write_text(env, "utf-8")
    flask(surface, "migrate", "-m", "Create the tables")
    flask(surface, "upgrade")


def revisions(folder):
    return [path.name[13:] for path in sorted((folder / "versions").glob("*.py"))]


def test_the_admin_works_after_an_upgrade(start, folder, recipe, env):
    surface = start(recipe)
    migrate(surface, folder, env)
    assert revisions(folder) == CREATED
    surface.submit("/admin/tag/new/", {"name": "after"})
    assert "after" in surface.rows("/admin/tag/")[0]
    with surface.app.app_context():
        current = recipe.db.session.scalars(text("SELECT * FROM alembic_version"))
        assert len(current.all()) == 1
    assert surface.pool.checkedout() == 0


def test_env_py_as_it_comes(start, folder, recipe):
    with pytest.raises(AttributeError) as found:
        migrate(start(recipe), folder)
    assert str(found.value) == "'SQLAlchemy' object has no attribute 'metadata'"


def test_a_subclass_needs_no_edit(start, folder, recipe):
    recipe.db = WithMetadata()
    migrate(start(recipe), folder)
    assert revisions(folder) == CREATED


def test_a_new_column(start, folder, recipe, env):
    migrate(start(recipe), folder, env)
    new = f"from {without(models, COLUMN, COLOUR).__name__} import"
    old = "from snippets.models import"
    surface = start(without(flask_migrate, old, new))
    (folder / "env.py").write_text(env.replace(old, new), "utf-8")
    with pytest.raises(Failure, match=r"no such column: tag\.colour"):
        surface.rows("/admin/tag/")
    flask(surface, "migrate", "-m", "Colour tags")
    flask(surface, "upgrade")
    assert surface.rows("/admin/tag/") == []
    assert set(revisions(folder)) == {*CREATED, "colour_tags.py"}


def test_nothing_to_migrate(start, folder, recipe, env):
    surface = start(recipe)
    migrate(surface, folder, env)
    flask(surface, "migrate", "-m", "Again")
    assert revisions(folder) == CREATED


def test_tables_that_create_all_made_are_in_no_revision(start, folder, recipe, env):
    def create_all(app):
        with app.app_context():
            models.create_tables(recipe.db)

    migrate(start(recipe, create_all), folder, env)
    assert revisions(folder) == []


def test_models_that_are_not_imported_are_dropped(start, folder, recipe, env):
    surface = start(recipe)
    migrate(surface, folder, env)
    other = (
        "from sqlalchemy.orm import DeclarativeBase\nclass Base(DeclarativeBase): ..."
    )
    changed = env.replace("from snippets.models import Base", other)
    (folder / "env.py").write_text(changed, "utf-8")
    flask(surface, "migrate", "-m", "Nothing is imported")
    (revision,) = (folder / "versions").glob("*_nothing_is_imported.py")
    assert "op.drop_table('tag')" in revision.read_text("utf-8")


def test_flask_migrate_requires_the_other_extension():
    names = {Requirement(line).name for line in metadata.requires("Flask-Migrate")}
    assert "Flask-SQLAlchemy" in names


def test_sql_is_printed_without_a_database(start, folder, recipe, env, tmp_path):
    surface = start(recipe)
    migrate(surface, folder, env)
    (revision,) = (folder / "versions").glob("*.py")
    written = revision.read_text("utf-8")
    revision.write_text(written.replace(END, INSERT + END), "utf-8")
    with surface.app.app_context():
        recipe.db.engine.dispose()
    (tmp_path / "guide.db").unlink()
    printed = flask(surface, "upgrade", "--sql")
    assert "CREATE TABLE tag" in printed
    assert "INSERT INTO tag (name) VALUES ('sql')" in printed
    assert not (tmp_path / "guide.db").exists()


def test_a_first_start(start):
    rows = start(flask_migrate, flask_migrate.first_start).rows("/admin/tag/")
    assert ["history" in rows[0], "hardware" in rows[1]] == [True, True]


@pytest.mark.parametrize(
    ("line", "replacement", "test", "error"),
    [
        (
            "target_metadata=Base.metadata",
            "target_metadata=None",
            test_the_admin_works_after_an_upgrade,
            SystemExit,
        ),
        ("directives.clear()", "pass", test_nothing_to_migrate, AssertionError),
        ('"env_py"', '"env"', test_the_admin_works_after_an_upgrade, Failure),
        (
            "run_offline() if context.is_offline_mode() else run_online()",
            "run_online()",
            test_sql_is_printed_without_a_database,
            AssertionError,
        ),
        (
            ", literal_binds=True",
            "",
            test_sql_is_printed_without_a_database,
            AssertionError,
        ),
    ],
)
def test_removal(request, env, line, replacement, test, error):
    assert env.count(line) == 1
    names = test.__code__.co_varnames[: test.__code__.co_argcount]
    given = {name: request.getfixturevalue(name) for name in names}
    with pytest.raises(error):
        test(**given | {"env": env.replace(line, replacement)})
