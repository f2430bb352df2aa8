"""The README's commands are files that are run, and they work on a fresh clone."""

import os
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from snippets.workarounds import proxy_sqlalchemy
from tools import claims, listing
from tools.measure.removal import copy_project
from tools.paths import ROOT
from tools.publish import readme

SHELL = ROOT / "snippets/shell"
README = (ROOT / "README.md").read_text("utf-8")


def test_each_command_is_a_file_and_each_file_a_command():
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    files = {path.read_text("utf-8") for path in SHELL.glob("*.sh")}
    install = f"pip install {' '.join(claims.blocks()['install'])}\n"
    assert set(blocks) == files | {install}
    # The one that runs the tests is what continuous integration calls.
    assert "bash snippets/shell/tests-venv.sh" in (ROOT / ".ci/run").read_text()


def test_the_table_is_what_was_measured():
    assert readme.table() in README, "run nox -s build -- readme"


@pytest.fixture
def clone(tmp_path):
    """A fresh clone with what is not committed yet, and an empty home."""
    place = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", ROOT, place], check=True)
    return copy_project(place)


def test_the_docs_command(clone):
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("VIRTUAL_ENV", "PYTHONPATH", "PYTEST_ADDOPTS")
        and not key.startswith(("NOX", "PYTEST"))
    }
    done = subprocess.run(
        ["bash", SHELL / "verify-venv.sh"],
        cwd=clone,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert "the site is build/html/index.html" in done.stdout
    assert (clone / "build/html/index.html").exists()
    status = subprocess.run(
        ["git", "status", "--porcelain", "--ignored=no"],
        cwd=clone,
        capture_output=True,
        text=True,
    )
    assert "build/" not in status.stdout


def test_the_run_command(tmp_path):
    """In an empty folder with one program, as its page prints it."""
    source = Path(proxy_sqlalchemy.__file__).read_text("utf-8")
    (tmp_path / "app.py").write_text(listing.program(source), "utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {
        "DATABASE_URL": f"sqlite:///{tmp_path}/guide.db",
        "FLASK_RUN_PORT": str(port),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
    }
    server = subprocess.Popen(
        ["bash", "-c", f"exec {(SHELL / 'run.sh').read_text()}"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        # The server says so when it listens.
        assert any(
            f"Running on http://127.0.0.1:{port}" in line for line in server.stdout
        )
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/user/") as page:
            assert "ada@example.com" in page.read().decode()
    finally:
        server.terminate()
        server.wait(timeout=10)
        server.stdout.close()
