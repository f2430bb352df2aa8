"""Each gate catches a planted fault, in a small guide of its own."""

import json
import shutil
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tools import results, verdicts
from tools.paths import ROOT

NEWEST = verdicts.releases(results.compatibility())[-1]
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
FRONT = f"---\ndescription: {'How to say hello. ' * 5}\n---\n\n"
FOLDERS = [f"docs/_{name}" for name in ("ext", "extra", "inv", "static", "templates")]
OTHER = """import jinja3

# region hidden
print(hidden)
# endregion hidden
# region settings
print("snippets.settings")
# endregion settings
if jinja3:
    pass
# region part
else:
    pass
# endregion part
"""
INCLUDE = "```{snippet} hello.py\n:region: hello\n```\n"


@pytest.fixture
def guide(tmp_path):
    """A guide of one page and one snippet, with this guide's own machinery."""
    for name in ["conf.py", "pyproject.toml"]:
        shutil.copy(ROOT / name, tmp_path)
    for name in [*FOLDERS, "data"]:
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "tools").mkdir()
    for path in (ROOT / "tools").glob("*.py"):
        shutil.copy(path, tmp_path / "tools")
    with changed(tmp_path) as found:
        for record in found["environments"]:
            record["snippets"]["passed"].append("snippets/hello.py")
    (tmp_path / "snippets").mkdir()
    (tmp_path / "snippets/__init__.py").touch()
    (tmp_path / "snippets/hello.py").write_text(MODULE)
    page(tmp_path, INCLUDE)
    return tmp_path


@contextmanager
def changed(guide, name="compatibility"):
    """What a results file of the guide holds, to be written back with changes."""
    path = guide / results.path(name).relative_to(ROOT)
    found = json.loads(path.read_text("utf-8"))
    yield found
    path.write_text(json.dumps(found), "utf-8")


def page(guide, text):
    (guide / "docs/index.md").write_text(f"{FRONT}# Hello\n\n{text}")


def build(guide, volume="-q"):
    """Build the guide as ``nox -s docs`` does."""
    command = [sys.executable, "-m", "sphinx", "-n", "-W", "--keep-going", volume]
    return subprocess.run(
        [*command, "-c", ".", "docs", "html"], cwd=guide, capture_output=True, text=True
    )


def test_a_sound_guide_builds(guide):
    done = build(guide)
    assert (done.returncode, done.stderr) == (0, "")
    html = (guide / "html/index.html").read_text()
    assert f"last passed on Flask-Admin 1.6.1 to {NEWEST}" in html


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
            "```{snippet} hello.py\n:lines: 1-3\n```",
            "Unknown option",
        ),
        (
            "```{snippet} hello.py\n:emphasize-lines: 1\n```",
            "Unknown option",
        ),
        (
            "```{snippet} hello.py\n:region: bye\n```",
            "snippets/hello.py",
        ),
        (
            "```{snippet} hello.py\n:pyobject: bye\n```",
            "snippets/hello.py",
        ),
        ("```{snippet} bye.py\n```", "bye.py"),
        ("```{snippet} ../conf.py\n```", "../conf.py is not under snippets/"),
        (
            "```{snippet} hello.py\n:place: attic\n```",
            "Invalid option value for 'place'",
        ),
        ("```{whole-program} bye.py\n```", "no file bye.py in snippets/"),
        (
            "```{snippet} other.py\n:region: hidden\n```",
            "snippets/other.py uses hidden, which this page does not define",
        ),
        (
            "```{snippet} other.py\n:region: settings\n```",
            "a reader cannot import what is in snippets/",
        ),
        (
            "```{snippet} other.py\n:region: part\n```",
            "the names of this block of snippets/other.py cannot be told",
        ),
        ("```{whole-program} other.py\n```", "snippets/other.py imports jinja3"),
        (
            '{{ guide.verdict("bye") }}',
            "no approach 'bye' in data/claims/approaches.toml",
        ),
        ("{{ bye }}", "'bye' is undefined"),
        (f"Since {NEWEST}", f"{NEWEST} is typed: a newer release makes it wrong"),
        ("{{ guide.bye() }}", "has no attribute 'bye'"),
        ("{{ guide.cell() }}", "missing 2 required positional arguments"),
    ],
)
def test_a_fault_in_a_page(guide, text, message):
    (guide / "snippets/other.py").write_text(OTHER)
    page(guide, f"{INCLUDE}\n{text}\n")
    done = build(guide)
    assert done.returncode != 0
    assert message in done.stderr
    assert "docs/index.md" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("front", "length"),
    [
        ("", 0),
        ("---\ndescription: Hello\n---\n", 5),
        (FRONT.replace("How", "How" * 12), 254),
    ],
)
def test_a_page_without_a_description(guide, front, length):
    (guide / "docs/index.md").write_text(f"{front}# Hello\n\n{INCLUDE}")
    done = build(guide)
    assert done.returncode != 0
    assert f"description has {length} characters, not 70 to 155" in done.stderr
    assert "docs/index.md" in done.stderr


def test_a_name_that_is_declared_and_not_used(guide):
    front = FRONT.replace("---\n", "---\nyours: {Post: one of your models}\n", 1)
    text = f"{front}# Hello\n\n{INCLUDE}"
    (guide / "docs/index.md").write_text(text)
    done = build(guide)
    assert done.returncode != 0
    assert "`yours` declares Post, which no block uses" in done.stderr


def test_a_snippet_that_no_page_shows(guide):
    page(guide, "Nothing.\n")
    done = build(guide)
    assert done.returncode != 0
    assert "no page shows snippets/hello.py" in done.stderr


def test_a_region_that_no_page_shows(guide):
    page(guide, "```{snippet} hello.py\n:pyobject: hello\n```\n")
    done = build(guide)
    assert done.returncode != 0
    assert "no page shows the region 'hello' of snippets/hello.py" in done.stderr


def test_a_snippet_without_a_doctest_that_passed(guide):
    with changed(guide) as found:
        for record in found["environments"]:
            record["snippets"]["passed"].remove("snippets/hello.py")
    done = build(guide)
    assert done.returncode != 0
    assert "snippets/hello.py has no doctest that passed" in done.stderr


@pytest.mark.parametrize("name", results.NAMES)
def test_a_results_file_that_is_not_as_its_schema_says(guide, name):
    with changed(guide, name) as found:
        found["surprise"] = 1
    done = build(guide)
    assert done.returncode != 0
    [sentence] = done.stderr.splitlines()
    assert sentence.startswith(f"data/results/{name}.json, at $")
    assert "surprise" in sentence


def test_what_was_measured_is_published_with_its_schema(guide):
    build(guide)
    for name in results.NAMES:
        for place in f"data/results/{name}.json", f"data/schemas/{name}.json":
            published = guide / "html" / place.replace("results/", "")
            assert published.read_bytes() == (guide / place).read_bytes()


def test_a_page_is_read_again_only_for_what_it_used(guide):
    page(guide, f"{INCLUDE}\nMeasured in {{{{ guide.performance.rounds }}}} rounds.\n")
    other = "# Other\n\n{{ guide.mutants | length }} programs.\n"
    front = FRONT.replace("---\n", "---\norphan: true\n", 1)
    (guide / "docs/other.md").write_text(front + other)
    assert build(guide).stderr == ""
    with changed(guide, "performance") as found:
        found["rounds"] = 4711
    said = build(guide, "-v").stdout
    assert "4711" in (guide / "html/index.html").read_text()
    assert "0 added, 1 changed, 0 removed" in said


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
