"""The recipes about data safety, with their removal tests, on PostgreSQL."""

import subprocess
import sys
from xml.etree import ElementTree

import pytest

from tools import claims
from tools.paths import ROOT

NAMES = [name for name, about in claims.recipes() if about["group"] == "Data safety"]


@pytest.mark.parametrize("name", NAMES)
def test_recipe(name, server, tmp_path, record):
    """What passes on SQLite passes here, but for what is about SQLite."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"tests/recipes/test_{name}.py", f"--junitxml={tmp_path}/result.xml"]
    command += [f"--server={server.url.render_as_string(False)}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    cases = [*ElementTree.parse(tmp_path / "result.xml").iter("testcase")]  # noqa: S314
    skipped = {case.find("skipped").get("message") for case in cases if len(case)}
    passed = sum(not len(case) for case in cases)
    assert passed
    record("recipes", name, {"passed": passed, "left out": sorted(skipped)})
