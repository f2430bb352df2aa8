"""Applications of one factory live side by side, and build without a context."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from snippets.recipes import app_factory
from snippets.recipes.app_factory import User
from tools.measure.removal import without
from tools.paths import DOCS

OUTSIDE = "Working outside of application context."
NOT_REGISTERED = (
    "The current Flask app is not registered with this 'SQLAlchemy' instance."
)
REGISTERED_TWICE = "The name 'post' is already registered for a different blueprint."


@pytest.fixture
def pair(drive):
    return drive(app_factory.create_app), drive(app_factory.create_app)


def titles(surface):
    return [row for row in surface.rows("/admin/post/") if "Added" in row]


def test_each_application_has_its_own_rows(pair):
    first, second = pair
    first.submit("/admin/post/new/", {"title": "Added to the first"})
    second.submit("/admin/post/new/", {"title": "Added to the second"})
    assert ["first" in row for row in titles(first)] == [True]
    assert ["second" in row for row in titles(second)] == [True]


def test_each_application_has_each_view_once(pair):
    for surface in pair:
        assert surface.get("/admin/").count('href="/admin/post/"') == 1


def test_choices_are_read_for_each_request(pair):
    first, second = pair
    assert "Katherine" not in first.get("/admin/post/new/")
    with first.elsewhere() as session:
        session.add(User(name="Katherine"))
        session.commit()
    assert "Katherine" in first.get("/admin/post/new/")
    assert "Katherine" not in second.get("/admin/post/new/")


def test_the_choices_are_sorted_by_name(surface):
    with surface.elsewhere() as session:
        session.add_all([User(name="Zoe"), User(name="Abe")])
        session.commit()
    names = re.findall(">(Zoe|Abe)<", surface.get("/admin/post/new/"))
    assert names == ["Abe", "Zoe"]


def test_a_form_without_its_token_changes_nothing(surface):
    surface.send("POST", "/admin/post/new/", data={"title": "Forged", "author": "1"})
    assert not any("Forged" in row for row in surface.rows("/admin/post/"))


def split(folder):
    """Split the program into the files that the page names, with their imports."""
    tree = ast.parse(Path(app_factory.__file__).read_text("utf-8"))
    # The imports of Python and of libraries; which part needs which is no matter.
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    parts = {}
    for node in tree.body:
        names = getattr(node, "targets", [node])
        parts[getattr(names[0], "id", getattr(names[0], "name", None))] = node
    page = (DOCS / "recipes/app-factory.md").read_text("utf-8")
    rows = re.findall(r"^\| `(shop/\S+)` \| (.+) \| (.*)\|$", page, re.MULTILINE)
    for file, names, imports in rows:
        own = "\n".join(re.findall("`(.+?)`", imports))
        kept = [parts.pop(name) for name in re.findall(r"`(\w+)`", names)]
        path = folder / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(
            "\n".join([*map(ast.unparse, top), own, *map(ast.unparse, kept)])
        )
    return [name for name in parts if name]


def test_the_package_that_the_page_describes(tmp_path, monkeypatch):
    assert split(tmp_path) == []
    url = f"sqlite:///{tmp_path}/shop.db"
    monkeypatch.setenv("DATABASE_URL", url)
    get = "print(create_app().test_client().get('/admin/post/').text)"
    for command in (
        ["-m", "flask", "--app", "shop", "routes"],
        ["-c", f"from shop import create_app; {get}"],
    ):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "/admin/post/new/" in done.stdout


def make_two(drive, line, replacement):
    module = without(app_factory, line, replacement)
    drive(module.create_app)
    drive(module.create_app)


@pytest.mark.parametrize(
    ("line", "replacement", "message"),
    [
        ("db.init_app(app)", "", NOT_REGISTERED),
        ("with app.app_context():", "if True:", OUTSIDE),
        ("db = ProxySQLAlchemy()", "db = SQLAlchemy()", OUTSIDE),
        ("lambda: db.session.scalars", "db.session.scalars", OUTSIDE),
        (
            "admin = Admin(app)",
            # The same as `admin = Admin()` in the module.
            'admin = globals().setdefault("admin", Admin())\n    admin.init_app(app)',
            REGISTERED_TWICE,
        ),
    ],
)
def test_removal(line, replacement, message, drive):
    with pytest.raises((RuntimeError, ValueError), match=re.escape(message)):
        make_two(drive, line, replacement)


def test_removal_of_the_form_class(drive):
    module = without(app_factory, "form_base_class = SecureForm", "pass")
    with pytest.raises(AssertionError):
        test_a_form_without_its_token_changes_nothing(drive(module.create_app))
