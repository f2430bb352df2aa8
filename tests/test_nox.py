"""Bad input ends with one sentence and a non-zero exit."""

import re
import subprocess
import sys

import pytest

from tools import results
from tools.measure import compatibility, outputs
from tools.paths import ROOT


def nox(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "nox", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_missing_interpreter():
    done = nox("-s", "lint", "--force-python", "3.99")
    assert done.returncode != 0
    assert "Python interpreter 3.99 not found" in done.stdout
    assert "Traceback" not in done.stdout


def test_the_list_of_sessions():
    done = nox("-l")
    assert done.returncode == 0
    lines = [each for each in done.stdout.splitlines() if each.startswith(("* ", "- "))]
    assert len(lines) <= 12
    assert [line for line in lines if " -> " not in line] == []


@pytest.mark.parametrize("session", ["measure", "check", "build"])
@pytest.mark.parametrize("arguments", [[], ["matrix"], ["docs", "compatibility"]])
def test_a_name_that_is_none_of_a_session(session, arguments):
    done = nox("-s", session, "--no-venv", "--", *arguments)
    [names] = re.findall(rf"[*-] {session} -> .*: (.*) \(-- NAME", nox("-l").stdout)
    first = arguments[0] if arguments else ""
    assert done.returncode != 0
    assert f"{first!r} is none of the names: {names}" in done.stdout
    assert "Traceback" not in done.stdout


def test_arguments_reach_the_tool():
    done = nox("-s", "measure", "--no-venv", "--no-install", "--", "mutants", "a/b")
    assert done.returncode != 0
    assert "mutants: 'a/b' is none of" in done.stdout


def test_a_name_that_the_matrix_does_not_know():
    with pytest.raises(SystemExit) as ended:
        compatibility.main(["no such thing"])
    assert str(ended.value) == (
        "compatibility: 'no such thing' is no environment and no approach of "
        "data/claims, no recipe, and no requirement that pip takes"
    )


def test_a_release_that_does_not_exist(capsys):
    before = results.path("compatibility").read_bytes()
    with pytest.raises(SystemExit, match=r"could not be run: flask-admin==0\.0\.404"):
        compatibility.main(["flask-admin==0.0.404", "lazy-session"])
    printed = capsys.readouterr().out.splitlines()
    assert "there is no version of flask-admin==0.0.404" in printed[0]
    assert printed[1:] == [line for line in printed[1:] if "cells in" in line]
    assert results.path("compatibility").read_bytes() == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no command\n", r"x\.console has no line that starts with '\$ '"),
        (b"$ \xff\n", r"x\.console cannot be read: 'utf-8' codec"),
    ],
)
def test_an_output_file_without_a_command(content, message, tmp_path):
    path = tmp_path / "x.console"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        outputs.commands(path)


def test_stale_output_fails_and_prints_the_difference(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makepyfile(
        """
        def test_output(file_regression, tmp_path):
            from pathlib import Path
            from tools.measure import outputs
            path = Path("x.console").resolve()
            text = outputs.capture(path, tmp_path)
            file_regression.check(text, fullpath=path, encoding="utf-8")
        """
    )
    (pytester.path / "x.console").write_text("$ echo new\nold\n")
    failed = pytester.runpytest_subprocess("-p", "no:xdist")
    assert failed.ret == 1
    failed.stdout.fnmatch_lines(["*-old*", "*+new*"])
    renewed = pytester.runpytest_subprocess("-p", "no:xdist", "--regen-all")
    assert renewed.ret == 0
    assert (pytester.path / "x.console").read_text() == "$ echo new\nnew\n"
