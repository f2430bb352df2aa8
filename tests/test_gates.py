"""Each gate catches a planted fault, in a small guide of its own."""

import json
import shutil
import subprocess
import sys

import pytest

from tools.measure.compatibility import RESULTS, results
from tools.paths import ROOT

MODULE = '''"""Say hello.

.. testcode::

    from snippets.hello import hello

    print(hello())

.. testoutput::

    hello
"""


# region hello
def hello():
    return "hello"


# endregion hello
'''
INCLUDE = "```{literalinclude} ../snippets/hello.py\n:region: hello\n```\n"


@pytest.fixture
def guide(tmp_path):
    """A guide of one page and one snippet, with this guide's own machinery."""
    for name in ["conf.py", "pyproject.toml"]:
        shutil.copy(ROOT / name, tmp_path)
    for name in ["docs/_ext", "docs/_inv", "docs/_static", "docs/_templates"]:
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "data", tmp_path / "data")
    found = results()
    for record in found["environments"].values():
        record["snippets"]["snippets/hello.py"] = "ok"
    (tmp_path / RESULTS.relative_to(ROOT)).write_text(json.dumps(found))
    (tmp_path / "snippets").mkdir()
    (tmp_path / "snippets/__init__.py").touch()
    (tmp_path / "snippets/hello.py").write_text(MODULE)
    page(tmp_path, INCLUDE)
    return tmp_path


def page(guide, text):
    (guide / "docs/index.md").write_text(f"# Hello\n\n{text}")


def build(guide):
    """Build the guide as ``nox -s docs`` does."""
    command = [sys.executable, "-m", "sphinx", "-n", "-W", "--keep-going", "-q"]
    return subprocess.run(
        [*command, "-c", ".", "docs", "html"], cwd=guide, capture_output=True, text=True
    )


def test_a_sound_guide_builds(guide):
    done = build(guide)
    assert (done.returncode, done.stderr) == (0, "")
    html = (guide / "html/index.html").read_text()
    assert "last passed on Flask-Admin 1.6.1 to 2.2.1" in html


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```python\n1 + 1\n```", "code written by hand: put it in snippets/"),
        ("```\nfree text\n```", "code written by hand: put it in snippets/"),
        ("```sh\nls\n```", "code written by hand: put it in snippets/"),
        ("    an indented block\n", "code written by hand: put it in snippets/"),
        ("<pre>ls</pre>\n", "code written by hand: put it in snippets/"),
        ("```{eval-rst}\n::\n\n   ls\n```", "code written by hand"),
        (
            "```{literalinclude} ../snippets/hello.py\n:lines: 1-3\n```",
            "Unknown option",
        ),
        (
            "```{literalinclude} ../snippets/hello.py\n:emphasize-lines: 1\n```",
            "Unknown option",
        ),
        (
            "```{literalinclude} ../snippets/hello.py\n:region: bye\n```",
            "snippets/hello.py",
        ),
        (
            "```{literalinclude} ../snippets/hello.py\n:pyobject: bye\n```",
            "snippets/hello.py",
        ),
        ("```{literalinclude} ../snippets/bye.py\n```", "bye.py"),
        ("```{literalinclude} ../conf.py\n```", "../conf.py is not under snippets/"),
        ('{{ guide.verdict("bye") }}', "no approach 'bye' in data/claims/matrix.toml"),
        ("{{ bye }}", "'bye' is undefined"),
    ],
)
def test_a_fault_in_a_page(guide, text, message):
    page(guide, f"{INCLUDE}\n{text}\n")
    done = build(guide)
    assert done.returncode != 0
    assert message in done.stderr
    assert "docs/index.md" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_snippet_that_no_page_shows(guide):
    page(guide, "Nothing.\n")
    done = build(guide)
    assert done.returncode != 0
    assert "no page shows snippets/hello.py" in done.stderr


def test_a_region_that_no_page_shows(guide):
    page(guide, "```{literalinclude} ../snippets/hello.py\n:pyobject: hello\n```\n")
    done = build(guide)
    assert done.returncode != 0
    assert "no page shows the region 'hello' of snippets/hello.py" in done.stderr


def test_a_snippet_without_a_doctest_that_passed(guide):
    path = guide / RESULTS.relative_to(ROOT)
    path.write_text(path.read_text().replace('"snippets/hello.py": "ok"', '"x": "ok"'))
    done = build(guide)
    assert done.returncode != 0
    assert "snippets/hello.py has no doctest that passed" in done.stderr


def test_every_snippet_has_a_doctest_that_runs(request):
    """The committed results lie behind: collect what is there now."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "snippets"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    found = {line.split("::")[0] for line in done.stdout.splitlines() if "::" in line}
    modules = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "snippets").rglob("*.py")
        if path.name not in ("__init__.py", "env.py") and path.read_text().strip()
    }
    assert found == modules, done.stdout


def test_a_snippet_that_cannot_be_imported(guide):
    (guide / "snippets/hello.py").write_text("import no_such_module\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "snippets"],
        cwd=guide,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "ERROR snippets/hello.py - ModuleNotFoundError" in done.stdout
