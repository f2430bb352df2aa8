"""The recipes as a whole: every need has one, and they run side by side."""

import importlib
import re

import pytest
import yaml

from tests.matrix import ROOT

FOLDER = ROOT / "docs/recipes"
PAGES = sorted(set(FOLDER.glob("*.md")) - {FOLDER / "index.md"})
# The rows of the list of needs that the guide was written from.
NEEDS = set(range(1, 27))
GROUPS = {"Set-up", "Views", "Data safety", "Access", "Testing and operation"}


def about(page):
    return yaml.safe_load(page.read_text("utf-8").split("---\n")[1])


def module(page):
    return page.stem.replace("-", "_")


def test_every_need_is_answered():
    assert {need for page in PAGES for need in about(page)["needs"]} == NEEDS
    assert {about(page)["group"] for page in PAGES} == GROUPS


@pytest.mark.parametrize("page", PAGES, ids=module)
def test_page_program_and_test_carry_one_name(page):
    assert (ROOT / f"snippets/recipes/{module(page)}.py").exists()
    test = (ROOT / f"tests/recipes/test_{module(page)}.py").read_text("utf-8")
    assert "without(" in test or "def test_removal" in test, "no removal test"


@pytest.mark.parametrize("page", PAGES, ids=module)
def test_the_error_message_is_asserted(page):
    """What a page offers to a search box was seen by its test or its doctest."""
    error = about(page)["error"]
    seen = "".join(
        (ROOT / path).read_text("utf-8")
        for path in (
            f"tests/recipes/test_{module(page)}.py",
            f"snippets/recipes/{module(page)}.py",
            f"snippets/recipes/{module(page)}.csv",
        )
        if (ROOT / path).exists()
    )
    # Long literals are split over lines.
    joined = re.sub(r'"\s*\n\s*r?f?"', "", seen)
    message = re.sub(r"^[A-Z]\w+: ", "", error)
    assert message in joined or message in joined.replace("\\", "")


def test_all_run_on_one_database(tmp_path, monkeypatch):
    """A reader tries one recipe after the other; their tables do not collide."""
    url = f"sqlite:///{tmp_path}/guide.db"
    monkeypatch.setattr("snippets.settings.SQLALCHEMY_ENGINES", {"default": url})
    monkeypatch.setattr("snippets.settings.SQLALCHEMY_DATABASE_URI", url)
    for page in PAGES:
        app = importlib.import_module(f"snippets.recipes.{module(page)}").create_app()
        client = app.test_client()
        for view in app.extensions["admin"][0]._views:
            address = client.get(f"{view.url}/", follow_redirects=True)
            assert address.status_code in (200, 401, 403), (page.stem, view.url)
