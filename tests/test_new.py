"""A new recipe starts from files that pass."""

import subprocess
import sys

import pytest

from tools.measure.removal import copy_project
from tools.publish import new


@pytest.fixture
def made(tmp_path, monkeypatch):
    """The three files of a new recipe, in a copy of the project."""
    copy_project(tmp_path)
    monkeypatch.setattr(new, "ROOT", tmp_path)
    new.main(["recipes/two-words"])
    return tmp_path


def test_the_files_pass(made, capsys):
    files = ["snippets/recipes/two_words.py", "tests/recipes/test_two_words.py"]
    for command in (["pytest", "-q", "-p", "no:cacheprovider"], ["ruff", "check"]):
        done = subprocess.run(
            [sys.executable, "-m", *command, *files],
            cwd=made,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout
    assert (
        'guide.recipe("two-words")' in (made / "docs/recipes/two-words.md").read_text()
    )


def test_nothing_is_overwritten(made):
    with pytest.raises(SystemExit, match="is there already"):
        new.main(["two-words"])


@pytest.mark.parametrize("arguments", [[], ["Two Words"], ["../up"], ["a", "b"]])
def test_a_bad_name_is_one_sentence(arguments):
    with pytest.raises(SystemExit, match="give the one name of a recipe"):
        new.main(arguments)
