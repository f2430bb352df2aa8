"""The site and the book as the commands of the host make them, for any test.

A plugin of its own, as the environments that are measured have no Sphinx.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.measure.removal import copy_project
from tools.paths import ROOT

ADDRESS = "https://docs.example/en/latest/"
REPOSITORY = "https://git.example/guide.git"


def build(folder):
    """Run what .readthedocs.yaml says, under an address and a prefix of its own."""
    import yaml

    hosting = {
        "READTHEDOCS_CANONICAL_URL": ADDRESS,
        "READTHEDOCS_GIT_CLONE_URL": REPOSITORY,
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


@pytest.fixture(scope="session")
def published(tmp_path_factory, worker_id):
    """The folder of what a host publishes; the workers of a run share one."""
    from filelock import FileLock

    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "hosted"
    with FileLock(f"{folder}.lock"):
        # The book is what the commands make last.
        if not (folder / "output/epub").exists():
            build(folder)
    return folder / "output"


@pytest.fixture
def hosted(published):
    return published / "html"
