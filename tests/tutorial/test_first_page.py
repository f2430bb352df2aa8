"""The first page, and what holds for every step: one file in an empty folder."""

import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import text

from snippets.tutorial import first_page
from snippets.workarounds import proxy_sqlalchemy
from tools.measure.removal import without
from tools.measure.surface import Failure

STEPS = ["first_page", "forms", "relation", "validation", "login"]
# One for the life of the process.
LATE = "super().__init__(db.get_session)"
KEPT = "from functools import cache; super().__init__(cache(db.get_session))"


def proxy_of(module):
    """The part of a program that makes ``db.session`` a proxy."""
    source = Path(module.__file__).read_text("utf-8")
    return source[source.index("class LazySession") : source.index("db = Proxy")]


@pytest.mark.parametrize("step", STEPS)
def test_the_file_alone_in_a_folder(step, tmp_path):
    module = import_module(f"snippets.tutorial.{step}")
    assert proxy_of(module) == proxy_of(proxy_sqlalchemy)
    shutil.copy(module.__file__, tmp_path / "app.py")
    command = [sys.executable, "-I", "-m", "flask", "--app", "app", "routes"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert "/admin/author/" in done.stdout, done.stderr
    assert (tmp_path / "instance/library.db").exists()


def test_a_row_of_another_program_is_listed_at_once(surface):
    assert "There are no items in the table." in surface.get("/admin/author/")
    with surface.elsewhere() as session:
        session.execute(text("INSERT INTO author (name) VALUES ('Ada')"))
        session.commit()
    assert surface.rows("/admin/author/") == ["Ada"]
    with surface.elsewhere() as session:
        session.execute(text("UPDATE author SET name = 'Grace'"))
        session.commit()
    assert surface.rows("/admin/author/") == ["Grace"]
    assert surface.pool.checkedout() == 0


def test_the_list_cannot_be_written_to(surface):
    surface.send("POST", "/admin/author/new/", data={"name": "Ada"})
    assert surface.rows("/admin/author/") == []


@pytest.mark.parametrize(
    ("line", "replacement", "test", "error"),
    [
        (
            "Base.metadata.create_all(db.engine)",
            "pass",
            test_the_list_cannot_be_written_to,
            "no such table: author",
        ),
        (
            "can_create = can_edit = can_delete = False",
            "can_edit = can_delete = False",
            test_the_list_cannot_be_written_to,
            r"assert \['Ada'\] == \[\]",
        ),
        (
            "cast(Session, LazySession(self))",
            "self.get_session()",
            test_the_list_cannot_be_written_to,
            "Working outside of application context",
        ),
        (
            LATE,
            KEPT,
            test_a_row_of_another_program_is_listed_at_once,
            r"assert \['Ada'\] == \['Grace'\]|assert 1 == 0",
        ),
    ],
)
def test_removal(line, replacement, test, error, drive):
    module = without(first_page, line, replacement)
    with pytest.raises((AssertionError, Failure, RuntimeError), match=error):
        test(drive(module.create_app))
