"""The recipes as a whole: every need has one, and they run side by side."""

import ast
import importlib
import re

import pytest
from flask import Flask
from sqlalchemy import create_engine, inspect, text

from tools.claims import recipes
from tools.paths import ROOT

RECIPES = dict(recipes())
# The rows of the list of needs that the guide was written from.
NEEDS = set(range(1, 27))
GROUPS = {"Set-up", "Views", "Data safety", "Access", "Testing and operation"}


def test_every_need_is_answered():
    assert {need for about in RECIPES.values() for need in about["needs"]} == NEEDS
    assert {about["group"] for about in RECIPES.values()} == GROUPS


@pytest.mark.parametrize("name", RECIPES)
def test_page_program_and_test_carry_one_name(name):
    assert (ROOT / f"snippets/recipes/{name}.py").exists()
    test = (ROOT / f"tests/recipes/test_{name}.py").read_text("utf-8")
    assert "without(" in test or "def test_removal" in test, "no removal test"


def set_up(path):
    """The classes of the recommended approach in a program, by name."""
    source = path.read_text("utf-8")
    return {
        node.name: ast.get_source_segment(source, node)
        for node in ast.parse(source).body
        if getattr(node, "name", "") in ("LazySession", "ProxySQLAlchemy")
    }


WITH_SET_UP = [
    path
    for path in sorted((ROOT / "snippets").rglob("*.py"))
    if "published" not in path.parts and "ProxySQLAlchemy" in set_up(path)
]


@pytest.mark.parametrize("path", WITH_SET_UP, ids=lambda path: path.stem)
def test_the_set_up_is_repeated_word_for_word(path):
    assert set_up(path) == set_up(ROOT / "snippets/workarounds/proxy_sqlalchemy.py")


@pytest.mark.parametrize("name", RECIPES)
def test_a_program_imports_nothing_of_this_guide(name):
    source = (ROOT / f"snippets/recipes/{name}.py").read_text("utf-8")
    doctest = ast.get_docstring(ast.parse(source), clean=False)
    assert "snippets" not in source.replace(doctest, "")


@pytest.mark.parametrize("name", RECIPES)
def test_the_error_message_is_asserted(name):
    """What a page offers to a search box was seen by its test or its doctest."""
    error = RECIPES[name]["error"]
    seen = "".join(
        (ROOT / path).read_text("utf-8")
        for path in (
            f"tests/recipes/test_{name}.py",
            f"snippets/recipes/{name}.py",
            f"snippets/recipes/{name}.csv",
        )
        if (ROOT / path).exists()
    )
    # Long literals are split over lines.
    joined = re.sub(r'"\s*\n\s*r?f?"', "", seen)
    message = re.sub(r"^[A-Z]\w+: ", "", error)
    assert message in joined or message in joined.replace("\\", "")


@pytest.fixture
def instance(tmp_path, monkeypatch):
    """The folder of the databases of a reader who sets nothing."""
    monkeypatch.setattr(Flask, "auto_find_instance_path", lambda app: str(tmp_path))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    url = "sqlite:///guide.db"
    monkeypatch.setattr("snippets.settings.SQLALCHEMY_ENGINES", {"default": url})
    monkeypatch.setattr("snippets.settings.SQLALCHEMY_DATABASE_URI", url)
    # The file that Alembic writes turns the loggers of others off.
    monkeypatch.setattr("logging.config.fileConfig", lambda path: None)
    return tmp_path


def test_all_run_on_one_database(instance):
    """A reader tries one recipe after the other; their tables do not collide."""
    for name in RECIPES:
        module = importlib.import_module(f"snippets.recipes.{name}")
        app = module.create_app()
        if name == "flask_migrate":
            # Its tables come from the commands on its page.
            with app.app_context():
                module.Base.metadata.create_all(module.db.engine)
        client = app.test_client()
        for view in app.extensions["admin"][0]._views:
            answer = client.get(f"{view.url}/", follow_redirects=True)
            assert answer.status_code in (200, 401, 403), (name, view.url)


def test_a_migration_drops_nothing_of_yours(instance, monkeypatch):
    engine = create_engine(f"sqlite:///{instance}/yours.db")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE yours (id INTEGER)"))
    monkeypatch.setenv("DATABASE_URL", str(engine.url))
    importlib.import_module("snippets.recipes.flask_alembic_migrations").create_app()
    assert inspect(engine).get_table_names() == ["yours"]
    engine.dispose()
