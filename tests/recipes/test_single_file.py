"""One file, copied anywhere, is an application."""

import inspect
import re
import shutil
import subprocess
import sys

import pytest
from sqlalchemy import text

from snippets.recipes import single_file
from snippets.workarounds import proxy_sqlalchemy
from tools.measure.removal import without

PROXY = """    @cached_property
    def session(self) -> Session:
        return cast(Session, LazySession(self))"""
OUTSIDE = "Working outside of application context."


def names(surface):
    with surface.elsewhere() as session:
        return session.scalars(
            text("SELECT name FROM single_file_item ORDER BY id")
        ).all()


def test_rows_are_made_changed_and_deleted(surface):
    surface.submit("/admin/item/new/", {"name": "A second"})
    surface.submit("/admin/item/edit/", {"name": "Changed"}, id=1)
    assert names(surface) == ["Changed", "A second"]
    surface.delete("/admin/item/", 1)
    assert names(surface) == ["A second"]


def test_a_form_without_its_token_changes_nothing(surface):
    surface.send("POST", "/admin/item/new/", data={"name": "Forged"})
    surface.send("POST", "/admin/item/edit/?id=1", data={"name": "Forged"})
    surface.send("POST", "/admin/item/delete/", data={"id": 1})
    assert names(surface) == ["A first item"]


def test_a_copy_of_the_file_runs_anywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    shutil.copy(single_file.__file__, "app.py")
    command = [sys.executable, "-m", "flask", "routes"]
    for database in "instance/guide.db", "named.db":
        done = subprocess.run(command, capture_output=True, text=True)
        assert "/admin/item/edit/" in done.stdout, done.stderr
        assert (tmp_path / database).exists()
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/named.db")


def test_the_key_is_random_unless_it_is_set(monkeypatch):
    def key():
        config = {"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}
        return single_file.create_app(config).secret_key

    monkeypatch.delenv("SECRET_KEY", raising=False)
    assert key() != key()
    monkeypatch.setenv("SECRET_KEY", "testing")
    assert key() == "testing"


def test_the_set_up_is_the_recommended_one():
    parts = [
        inspect.getsource(module)
        .partition("class LazySession")[2]
        .partition("\ndb =")[0]
        for module in (single_file, proxy_sqlalchemy)
    ]
    assert parts[0] == parts[1]


def test_removal_of_the_form_class(drive):
    module = without(single_file, "form_base_class = SecureForm", "pass")
    with pytest.raises(AssertionError, match="Forged"):
        test_a_form_without_its_token_changes_nothing(drive(module.create_app))


@pytest.mark.parametrize(
    ("line", "replacement"),
    [
        (PROXY, "    pass"),
        ('if name.startswith("_") and not has_app_context():', "if False:"),
        ("with app.app_context():", "if True:"),
    ],
)
def test_removal(line, replacement, drive):
    module = without(single_file, line, replacement)
    with pytest.raises(RuntimeError, match=re.escape(OUTSIDE)):
        drive(module.create_app)
