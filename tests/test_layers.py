"""The lint for layers finds a planted import."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools.measure.removal import copy_project

LINT = [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.mark.parametrize(
    ("module", "imported"),
    [
        ("tools.measure.mutants", "tests.conftest"),
        ("snippets.models", "tools.paths"),
        ("tools.paths", "snippets.models"),
        ("tools.paths", "tools.measure.removal"),
        ("tools.publish.pdf", "snippets.recipes.tenants"),
        ("tests.recipes.test_csrf", "tests.recipes.test_tenants"),
        ("tests.test_doctor", "tests.recipes.test_csrf"),
    ],
)
def test_a_planted_import(module, imported, project):
    path = project / f"{module.replace('.', '/')}.py"
    before = path.read_text("utf-8")
    path.write_text(f"{before}\nimport {imported}\n", "utf-8")
    done = subprocess.run(LINT, cwd=project, capture_output=True, text=True)
    path.write_text(before, "utf-8")
    assert done.returncode == 1
    assert f"{module} -> {imported} (l." in done.stdout
