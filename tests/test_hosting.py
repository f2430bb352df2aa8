"""The site can be hosted, and says where it lives."""

import inspect
import json
import re
import subprocess
import sys
import textwrap

import pytest
from bs4 import BeautifulSoup

from snippets.workarounds import proxy_sqlalchemy
from tools import results
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


def test_a_page_says_where_it_lives(hosted):
    page = BeautifulSoup(hosted.joinpath("problem.html").read_bytes(), "html.parser")
    address = "https://docs.example/en/latest/problem.html"
    assert page.select_one("link[rel=canonical]")["href"] == address
    assert page.select_one("meta[property='og:url']")["content"] == address
    assert page.select_one("meta[property='og:title']")["content"]
    picture = page.select_one("meta[property='og:image']")["content"]
    assert hosted.joinpath(
        picture.removeprefix("https://docs.example/en/latest/")
    ).exists()
    described = page.select_one("meta[name=description]")["content"]
    assert page.select_one("meta[property='og:description']")["content"] == described
    article = json.loads(page.select_one("script[type='application/ld+json']").string)
    assert article["@type"] == "TechArticle"
    assert (article["url"], article["description"]) == (address, described)
    assert article["dateModified"] == results.resolutions()["date"]
    assert page.select_one("link[rel~=icon]")["href"].endswith("favicon.svg")
    links = {link.get_text(): link["href"] for link in page.select(".sources a")}
    source = "https://git.example/guide/blob/HEAD/snippets/problem.py"
    assert links["snippets/problem.py"] == source
    edit = page.select_one(".edit-this-page a")["href"]
    assert edit == "https://git.example/guide/edit/main/docs/problem.md"


MARKUP = re.compile(r"\]\(|\{\.\w+\}|\{\{|\{%")


def markup(html):
    """The Markdown and the templates that a reader would see."""
    page = BeautifulSoup(html, "html.parser")
    for tag in page.select("pre, code, script, style"):
        tag.decompose()
    return MARKUP.findall(page.get_text())


def test_no_page_shows_its_markup(hosted):
    for path in sorted(hosted.rglob("*.html")):
        assert markup(path.read_bytes()) == [], path.name
    assert markup("<td>[<span>works</span>](#here)</td>") == ["]("]


def test_the_sitemap_lists_every_page(hosted):
    sitemap = hosted.joinpath("sitemap.xml").read_text()
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        assert f"<loc>https://docs.example/en/latest/{name}</loc>" in sitemap
    assert sitemap.count("<url>") == sitemap.count("</loc><lastmod>20")
    assert "/404.html" not in sitemap
    assert "/search.html" not in sitemap
    robots = hosted.joinpath("robots.txt").read_text()
    assert "Sitemap: https://docs.example/en/latest/sitemap.xml\n" in robots


def test_the_doctor_is_published_with_the_address_of_the_site(hosted):
    found = list(hosted.rglob("doctor.py"))
    assert hosted / "doctor.py" in found
    for path in found:
        source = path.read_text("utf-8")
        assert 'GUIDE = "https://docs.example/en/latest/"' in source
    page = BeautifulSoup(hosted.joinpath("doctor.html").read_bytes(), "html.parser")
    line = "curl -O https://docs.example/en/latest/doctor.py"
    assert line in page.select_one(".highlight-sh, .highlight-default").get_text()
    findings = hosted.joinpath("doctor-findings.html").read_text("utf-8")
    assert all(f'id="fal{number}"' in findings for number in ["001", "010", "024"])


def test_a_lost_reader_finds_the_way(hosted):
    page = BeautifulSoup(hosted.joinpath("404.html").read_bytes(), "html.parser")
    assert page.select_one(".sidebar-tree a")["href"].startswith("/en/latest/")
    [styles] = page.select("link[rel=stylesheet]")
    assert styles["href"].startswith("/en/latest/_static/site.css?v=")


def test_the_guide_as_markdown_holds_the_code(hosted):
    listed = hosted.joinpath("llms.txt").read_text("utf-8")
    for page in (ROOT / "docs").rglob("*.md"):
        name = page.relative_to(ROOT / "docs").as_posix()
        assert f"(https://docs.example/en/latest/{name})" in listed
        assert hosted.joinpath(name).exists()
    text = hosted.joinpath("llms-full.txt").read_text("utf-8")
    code = inspect.getsource(proxy_sqlalchemy.add_views)
    fences = re.findall(r"^ *```python\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    assert any(code in fence for fence in fences)
    for noise in "· last passed on", "· captured by", "· tested by", "[#](":
        assert noise not in text


def test_each_link_of_the_markdown_leads_somewhere(hosted):
    text = hosted.joinpath("llms-full.txt").read_text("utf-8")
    root = "https://docs.example/en/latest/"
    links = {*re.findall(rf"\]\({root}([^)# ]*)", text)}
    assert "workarounds/proxy-sqlalchemy.md" in links
    assert [link for link in links if not hosted.joinpath(link).exists()] == []
    # A link to a part of its own page is all that has no address.
    others = [link for link in re.findall(r"\]\(([^)]+)\)", text) if ":" not in link]
    assert [link for link in others if not link.startswith("#")] == []


READER = """
from flask import Flask
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

{db}

class Base(DeclarativeBase):
    pass

class Post(Base):
    __tablename__ = "post"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]

{views}

def create_app():
    app = Flask(__name__)
    app.config["SECRET_KEY"] = "testing"
    app.config["SQLALCHEMY_ENGINES"] = {{"default": "sqlite:///posts.db"}}
{app}
    with app.app_context():
        Base.metadata.create_all(db.engine)
    return app

client = create_app().test_client()
print(client.get("/admin/post/").status, client.get("/admin/post/new/").status)
"""


def paste_the_index(hosted, folder, missing=None):
    """Run what the index says of views at import, in an empty folder."""
    page = BeautifulSoup(hosted.joinpath("index.html").read_bytes(), "html.parser")
    blocks = page.select("article div.highlight pre")
    found = [each.get_text() for each in blocks if not each.find_parent("details")]
    found = [text.replace(missing or "\0", "") for text in found]
    install, db, views, _, at_import, app = found
    assert install.startswith("pip install ")
    source = READER.format(
        db=db, views=views + at_import, app=textwrap.indent(app, " " * 4)
    )
    (folder / "app.py").write_text(source, "utf-8")
    command = [sys.executable, "-I", "app.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


def test_the_index_runs_in_an_empty_folder(hosted, tmp_path):
    done = paste_the_index(hosted, tmp_path)
    assert (done.stdout, done.stderr) == ("200 OK 200 OK\n", "")


def test_an_import_that_the_index_lacks(hosted, tmp_path):
    line = "from werkzeug.local import LocalProxy\n"
    done = paste_the_index(hosted, tmp_path, missing=line)
    assert "NameError: name 'LocalProxy' is not defined" in done.stderr
