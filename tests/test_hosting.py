"""The site can be hosted, and says where it lives."""

import inspect
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup

from snippets.workarounds.lazy_session import LazySession
from tools.measure.removal import copy_project
from tools.paths import ROOT

CHECK = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.readthedocs", [".readthedocs.yaml"]),
        (
            "vendor.github-workflows",
            [".github/workflows/checks.yml", ".github/workflows/compatibility.yml"],
        ),
    ],
)
def test_configuration_is_valid(schema, files):
    done = subprocess.run(
        [*CHECK, schema, *files], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def output(tmp_path_factory):
    """What the commands of the host make, under an address and a prefix of its own."""
    folder = tmp_path_factory.mktemp("hosted")
    hosting = {
        "READTHEDOCS_CANONICAL_URL": "https://docs.example/en/latest/",
        "READTHEDOCS_GIT_CLONE_URL": "https://git.example/guide.git",
        "READTHEDOCS_OUTPUT": f"{folder}/output",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    jobs = yaml.safe_load((ROOT / ".readthedocs.yaml").read_text("utf-8"))
    commands = [
        command
        for format in jobs["build"]["jobs"]["build"].values()
        for command in format
        # Downloads, and the site builds without it.
        if "tools/publish/live" not in command
    ]
    done = subprocess.run(
        ["bash", "-ec", "\n".join(commands)],
        cwd=copy_project(folder / "checkout"),
        env=os.environ | hosting,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder / "output"


@pytest.fixture
def hosted(output):
    return output / "html"


def test_the_book_has_every_page(output):
    [path] = output.joinpath("epub").iterdir()
    with zipfile.ZipFile(path) as book:
        names = book.namelist()
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix(".xhtml").as_posix()
        assert f"EPUB/{name}" in names or name in names


def test_a_page_says_where_it_lives(hosted):
    page = BeautifulSoup(hosted.joinpath("problem.html").read_bytes(), "html.parser")
    address = "https://docs.example/en/latest/problem.html"
    assert page.select_one("link[rel=canonical]")["href"] == address
    assert page.select_one("meta[property='og:url']")["content"] == address
    assert page.select_one("meta[property='og:title']")["content"]
    assert page.select_one("link[rel~=icon]")["href"].endswith("favicon.svg")
    links = {link.get_text(): link["href"] for link in page.select(".provenance a")}
    source = "https://git.example/guide/blob/HEAD/snippets/problem.py"
    assert links["snippets/problem.py"] == source
    assert links["download"].startswith("_downloads/")
    assert links["run it"] == "verify.html"
    assert (
        links["edit this page"] == "https://git.example/guide/edit/HEAD/docs/problem.md"
    )


def test_the_sitemap_lists_every_page(hosted):
    sitemap = hosted.joinpath("sitemap.xml").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert f"<loc>https://docs.example/en/latest/{name}</loc>" in sitemap


def test_a_lost_reader_finds_the_way(hosted):
    page = BeautifulSoup(hosted.joinpath("404.html").read_bytes(), "html.parser")
    assert page.select_one(".sidebar-tree a")["href"].startswith("/en/latest/")


def test_the_guide_as_text_holds_the_code(hosted):
    listed = hosted.joinpath("llms.txt").read_text("utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix(".txt").as_posix()
        assert f"(https://docs.example/en/latest/{name}):" in listed
        assert hosted.joinpath(name).exists()
    text = hosted.joinpath("llms-full.txt").read_text("utf-8")
    code = inspect.getsource(LazySession.__getattr__).splitlines()
    assert all(line.strip() in text for line in code)
