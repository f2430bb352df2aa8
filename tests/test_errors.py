"""The messages of the errors page: enough of them, and each raised by a run."""

import re

import pytest

from tools import claims
from tools.paths import ROOT, SNIPPETS

ERRORS = claims.read("errors")["error"]
RECIPES = {name: about for name, about in claims.recipes() if about["error"]}


def asserted(name, error):
    """Whether a recipe's test, its doctest or captured output has its message."""
    paths = [ROOT / f"tests/recipes/test_{name}.py", SNIPPETS / f"recipes/{name}.py"]
    paths += [*SNIPPETS.rglob("*.console"), *SNIPPETS.rglob("*.csv")]
    text = " ".join(path.read_text("utf-8") for path in paths)
    # A long string of a test is written in several pieces.
    text = re.sub(r'"\s*f?"', "", " ".join(text.split()))
    return re.sub(r"^\w+(Error|Exception): ", "", error) in text


@pytest.mark.parametrize("name", RECIPES)
def test_the_message_of_a_recipe_is_raised_by_its_test(name):
    assert asserted(name, RECIPES[name]["error"])
    assert not asserted(name, "ValueError: a message that nothing raises")


def test_the_page_has_enough_messages():
    messages = {each["message"] for each in ERRORS}
    messages |= {about["error"] for about in RECIPES.values()}
    assert len(messages) >= 45
    for part in [
        "'SQLAlchemy' object has no attribute 'commit'",
        "AsyncToSync",
        "'tuple' object has no attribute 'items'",
        "flask.sansio",
        "got an unexpected keyword argument 'cls'",
        "DetachedInstanceError",
    ]:
        assert any(part in message for message in messages), part


def test_one_message_with_several_causes():
    causes = [each["cause"] for each in ERRORS if "'cls'" in each["message"]]
    assert len(causes) == len({*causes}) == 3
