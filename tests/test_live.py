"""What "Try it here" does without a browser: the build, the buttons, the reasons."""

import gzip
import importlib.util
import io
import json
import re
import sys
import zipfile

import pytest
from docutils import nodes
from docutils.utils import new_document

from tools.paths import ROOT

sys.path.append(str(ROOT / "docs/_ext"))
import live

LIVE = ROOT / "tools/publish/live"
spec = importlib.util.spec_from_file_location("live_build", LIVE / "build.py")
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)
PACKAGES = ["flask", "flask_admin", "flask_login", "flask_sqlalchemy_lite"]
PACKAGES += ["flask_sqlalchemy", "sqlalchemy", "werkzeug", "wtforms"]


def versions(path):
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", path.read_text("utf-8"), re.M))


def test_the_page_runs_what_the_tests_run():
    locked = versions(LIVE / "requirements.txt")
    assert {"flask-admin", "flask-sqlalchemy-lite", "sqlalchemy"} <= set(locked)
    assert locked.items() <= versions(ROOT / "requirements.txt").items()


def test_every_package_is_hashed():
    text = (LIVE / "requirements.txt").read_text("utf-8")
    for part in re.split(r"\n(?=\w)", text)[1:]:
        assert "--hash=sha256:" in part


def test_no_host_is_asked_for():
    for path in LIVE.iterdir():
        for address in re.findall(r"https?://[^\s\"']+", path.read_text("utf-8")):
            # The source of the runtime, for its licence.
            assert address == "https://github.com/pyodide/pyodide"


def test_the_same_files_give_the_same_bytes():
    files = {"b.py": b"2", "a/a.py": b"1"}
    packed = build.pack(files)
    assert packed == build.pack(dict(reversed(files.items())))
    with zipfile.ZipFile(io.BytesIO(gzip.decompress(packed))) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
        assert {info.date_time[0] for info in archive.infolist()} == {1980}


def test_another_hash_is_refused():
    integrity = "sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    build.check("abc", b"abc", integrity)
    with pytest.raises(SystemExit, match="abc has the hash"):
        build.check("abc", b"abd", integrity)


def test_what_cannot_run_is_found_by_its_imports():
    found = {
        path.stem: live.why_not(f"recipes.{path.stem}", PACKAGES)
        for path in (ROOT / "snippets/recipes").glob("*.py")
    }
    assert found["soft_delete"] is found["audit_trail"] is None
    assert found["async_app"] == live.REASONS["async"]
    assert found["factory_boy"] == live.REASONS["pytest"]
    assert found["worker"] == live.REASONS["celery"]
    # By way of what it imports from another recipe.
    assert found["ajax_references"] == live.REASONS["werkzeug.security"]
    assert found["flask_security"].startswith("it needs flask_security,")
    assert sum(why is None for why in found.values()) >= 15


def page(*blocks):
    document = new_document("page")
    for name, text in blocks:
        block = nodes.literal_block(text, text)
        block["snippet"] = name
        document += [block, nodes.paragraph(classes=["provenance"])]
    return document


def test_a_button_stands_under_the_block_that_shows_its_function():
    name = "snippets/problem.py"
    document = page((name, "def create_app():"), (name, "def create_app_db(x):"))
    found = {factory: block for block, _, factory in live.find_places(document)}
    blocks = list(document.findall(nodes.literal_block))
    assert found == {"create_app": blocks[0], "create_app_db": blocks[1]}


def test_a_button_stands_under_the_last_block_where_none_shows_it():
    name = "snippets/recipes/soft_delete.py"
    document = page((name, "class A: pass"), (name, "class B: pass"))
    [(block, module, factory)] = live.find_places(document)
    assert (block.astext(), module) == ("class B: pass", "recipes.soft_delete")
    assert factory == "create_app"


@pytest.mark.parametrize("name", ["snippets/models.py", "snippets/move/after.py", ""])
def test_other_blocks_have_no_button(name):
    assert list(live.find_places(page((name, "x = 1")))) == []


class Builder:
    name = "html"

    def get_relative_uri(self, docname, target):
        return f"../{target}.html"


class App:
    builder = Builder()

    class config:
        live_manifest = ""


def test_without_a_runtime_there_is_no_button_and_one_line_says_so(
    monkeypatch, tmp_path
):
    said = []
    monkeypatch.setattr(live, "RUNTIME", tmp_path)
    monkeypatch.setattr(live.logger, "info", said.append)
    live.look_for_runtime(App, App.config)
    document = page(("snippets/recipes/soft_delete.py", "x = 1"))
    live.add_buttons(App, document, "recipes/soft-delete")
    assert list(document.findall(nodes.raw)) == []
    assert [line for line in said if "nox -s build -- live" in line] == said != []


def write_manifest(folder, snippets):
    manifest = {"version": "1", "bytes": 8.2e6, "packages": PACKAGES}
    text = json.dumps(manifest | {"snippets": snippets})
    (folder / "manifest.json").write_text(text)


def test_with_the_runtime_of_other_snippets_there_is_no_button(monkeypatch, tmp_path):
    monkeypatch.setattr(live, "RUNTIME", tmp_path)
    write_manifest(tmp_path, live.fingerprint())
    live.look_for_runtime(App, App.config)
    assert App.config.live_manifest
    write_manifest(tmp_path, "of others")
    live.look_for_runtime(App, App.config)
    assert not App.config.live_manifest


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("soft_delete", "Loads 8.2 MB and runs in this tab."),
        ("flask_login", "This one does not run in the page: it hashes passwords"),
    ],
)
def test_with_a_runtime_there_is_a_button_or_a_reason(
    name, text, monkeypatch, tmp_path
):
    monkeypatch.setattr(live, "RUNTIME", tmp_path)
    write_manifest(tmp_path, live.fingerprint())
    live.look_for_runtime(App, App.config)
    document = page((f"snippets/recipes/{name}.py", "x = 1"))
    live.add_buttons(App, document, "recipes/page")
    [raw] = document.findall(nodes.raw)
    assert text in raw.astext()
    assert 'verify="../verify.html"' in raw.astext() or "<a href" in raw.astext()
    assert document.index(raw) == 2
