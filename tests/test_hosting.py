"""The site can be hosted, and asks no other host for anything."""

import subprocess
import sys

import pytest

from tests.matrix import ROOT

CHECK = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.readthedocs", [".readthedocs.yaml"]),
        (
            "vendor.github-workflows",
            [".github/workflows/checks.yml", ".github/workflows/matrix.yml"],
        ),
    ],
)
def test_configuration_is_valid(schema, files):
    done = subprocess.run(
        [*CHECK, schema, *files], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
