"""What a reader copies from the built pages runs in the reader's own folder."""

import shutil
import subprocess
import sys
from functools import cache

import pytest
from bs4 import BeautifulSoup
from filelock import FileLock

from tools import results
from tools.measure import paste
from tools.measure.reliability import mariadb
from tools.measure.reliability.databases import DATABASES
from tools.measure.reliability.postgres import NoServer
from tools.paths import ROOT

PAGES = paste.pages()


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The built site, once for all processes of a run."""
    folder = tmp_path_factory.getbasetemp()
    # Each process of pytest-xdist has a folder of its own in the same one.
    shared = folder.parent if folder.name.startswith("popen-") else folder
    with FileLock(shared / "site.lock"):
        if not (shared / "site").exists():
            command = [sys.executable, "-m", "sphinx", "-q", "-j", "auto", "-c", "."]
            command += ["-d", str(shared / "doctrees"), "docs", str(shared / "site")]
            subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return shared / "site"


@pytest.fixture(scope="session")
def judged(site, tmp_path_factory):
    @cache
    def judge(names):
        return paste.judge(site, names, tmp_path_factory.mktemp("readers"))

    return judge


def parameters():
    for packages, names in paste.groups(PAGES).items():
        mark = pytest.mark.xdist_group(" ".join(packages) or "base")
        for name in names:
            yield pytest.param(name, tuple(names), marks=mark, id=name)


@pytest.mark.parametrize(("name", "names"), parameters())
def test_a_page_runs_where_it_is_pasted(name, names, judged):
    wrong = {kind: text for kind, text in judged(names)[name].items() if text}
    assert wrong == {}


@pytest.mark.parametrize("title", DATABASES)
def test_what_was_pasted_on_servers_is_not_stale(title, site):
    """Every change of every page, in each application that it concerns."""
    fresh = {}
    for name in paste.concerned(site, PAGES):
        page = paste.read(site, name)
        wrong = dict.fromkeys(paste.readers(page), "")
        fresh[name] = {"content": paste.content(page), "wrong": wrong}
    measured = results.paste()[title]
    stale = [
        name for name in {*fresh} | {*measured} if measured.get(name) != fresh.get(name)
    ]
    assert stale == [], "run nox -s measure -- paste, with these names"


@pytest.mark.parametrize(
    "name", [n for n in PAGES if n.startswith(("recipes/", "workarounds/"))]
)
def test_every_block_that_is_copied_is_run(name, site):
    """Each block of a recipe says its place, or is a file, or is the whole program."""
    html = (site / f"{name}.html").read_text("utf-8")
    page = BeautifulSoup(html, "html.parser")
    for block in page.select("article div.highlight-default div.highlight"):
        quoted = block.find_parent(class_=["evidence", "fails", "program"])
        placed = block.find_parent(class_="literal-block-wrapper")
        assert quoted or placed or "pip install" in block.get_text(), block.get_text()


@pytest.fixture
def planted(site, tmp_path):
    """Judge one page after a change of what it prints."""
    (tmp_path / "site/recipes").mkdir(parents=True)
    name = "recipes/read-only"

    def judge(old, new, server=None):
        text = (site / f"{name}.html").read_text("utf-8")
        page = BeautifulSoup(text, "html.parser")
        found = False
        for block in page.select("article pre, article .caption-text"):
            if old in block.get_text():
                block.string = block.get_text().replace(old, new)
                found = True
        assert found
        (tmp_path / f"site/{name}.html").write_text(str(page), "utf-8")
        shutil.rmtree(tmp_path / "readers", ignore_errors=True)
        place = tmp_path / "site", [name], tmp_path / "readers"
        outcomes = paste.judge_on(server, *place) if server else paste.judge(*place)
        return {kind: text for kind, text in outcomes[name].items() if text}

    return judge


def test_a_page_as_it_is(planted):
    assert planted("class ReadOnly", "class ReadOnly") == {}


def test_an_import_that_is_missing(planted):
    found = planted("from flask import request\n", "")
    message = "NameError: name 'request' is not defined"
    # The third application happens to import it.
    assert found["factory"] == found["package"] == message
    assert found["names"] == "a block uses request, which the page does not define"


def test_a_name_that_no_block_shows(planted):
    found = planted("class PostView(ReadOnly,", "class PostView(Hidden, ReadOnly,")
    assert found["names"] == "a block uses Hidden, which the page does not define"


def test_a_package_that_the_install_line_lacks(planted):
    line = "from flask import request\n"
    found = planted(line, f"{line}import flask_login\n")
    assert found["factory"] == "ModuleNotFoundError: No module named 'flask_login'"


def test_a_wrong_place(planted):
    found = planted("In create_app, where you add your views", "With your models")
    assert found["factory"] == "NameError: name 'admin' is not defined"
    with pytest.raises(paste.Unusable, match="'In the attic' names no place"):
        planted("In create_app, where you add your views", "In the attic")


def test_what_only_a_server_rejects(planted):
    query = """can_edit = False

    def get_query(self):
        from sqlalchemy import text

        return super().get_query().filter(text("1 IS 1"))
"""
    assert planted("can_edit = False", query) == {}
    try:
        with mariadb.running() as server:
            found = planted("can_edit = False", query, server)
    except NoServer as error:
        pytest.skip(f"nothing was pasted on MariaDB: {error}")
    assert found.keys() == {"factory", "package", "protected"}
    assert all("ProgrammingError" in text for text in found.values())


def test_an_application_that_does_not_start(planted):
    found = planted("can_edit = False", "can_edit = 1 / 0")
    assert found["factory"] == "ZeroDivisionError: division by zero"


def test_an_admin_that_is_left_open(planted, monkeypatch):
    monkeypatch.setattr(paste, "front_matter", lambda name: {"closed": True})
    found = planted("can_edit = False", "can_edit = False")
    assert found["factory"] == "GET /admin/ answers 200 to a visitor"


def test_a_page_that_there_is_not():
    with pytest.raises(SystemExit, match="paste: '--lates' is no page"):
        paste.main(["build/html", "--lates"])


def test_a_line_that_cannot_be_installed():
    with pytest.raises(paste.Unusable, match="pip install no-such-package-at-all"):
        paste.environment(("no-such-package-at-all",))
