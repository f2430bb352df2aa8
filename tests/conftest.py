import gc
import importlib
import json
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest

from tools.measure import compatibility
from tools.measure.surface import Surface

pytest_plugins = ["pytester", "tests.publishing"]


@pytest.fixture
def new_database(tmp_path, pytestconfig, monkeypatch):
    """Make a database that nobody else uses; return its address."""
    address, numbers = pytestconfig.getoption("server"), count()
    if address is None:
        yield lambda: f"sqlite:///{tmp_path}/{next(numbers)}.db"
        return
    # The environments that are measured have neither.
    from tools.measure.reliability.app import delete_by_number
    from tools.measure.reliability.databases import server

    if address.startswith("postgres"):
        delete_by_number(monkeypatch.setattr)
    made = server(address)
    with ExitStack() as opened:
        yield lambda: opened.enter_context(made.database())
        # What a broken application kept goes before its database does.
        gc.collect()


@pytest.fixture
def drive(new_database):
    """Make a Surface of an application factory, on a database of its own."""
    with ExitStack() as opened:

        def make(create_app):
            url = new_database()
            surface = Surface(create_app, url)
            opened.callback(surface.close)
            return surface

        yield make


@pytest.fixture
def surface(drive, request):
    """A Surface of the program that the test module is named after."""
    name = request.module.__name__.replace("tests.", "snippets.", 1)
    return drive(importlib.import_module(name.replace(".test_", ".")).create_app)


def pytest_addoption(parser):
    parser.addoption("--server", help="drive on this PostgreSQL or MariaDB")
    parser.addoption("--record", type=Path, help="write the outcomes to this file")
    parser.addoption("--approach", action="append", help="run only this approach")


def pytest_configure(config):
    path = config.getoption("record")
    if path:
        config.stash[compatibility.RECORD] = record = compatibility.new_record()
        config.pluginmanager.register(Recorder(path, record))


def pytest_collection_modifyitems(config, items):
    wanted = config.getoption("approach")
    if wanted:
        items[:] = [
            item
            for item in items
            if not hasattr(item, "callspec")
            or item.callspec.params.get("approach", wanted[0]) in wanted
        ]
    if config.getoption("server"):
        # What takes no database meets no server, and would only be counted.
        items[:] = [item for item in items if "new_database" in item.fixturenames]


class Recorder:
    """Writes down what a run found, for the compatibility table."""

    def __init__(self, path, record):
        self.path = path
        self.record = record

    def pytest_runtest_logreport(self, report):
        path = report.location[0]
        if report.when != "call" or report.skipped:
            return
        if path.startswith("snippets/"):
            snippets = self.record["snippets"]
            snippets[path] = report.passed and snippets.get(path, True)
        elif path == "tests/test_upstream.py" and "[" in report.nodeid:
            name = report.nodeid.partition("[")[2].rstrip("]")
            self.record["upstream"][name] = report.passed
        elif path.startswith("tests/recipes/"):
            name = Path(path).stem.removeprefix("test_")
            empty = {"passed": 0, "failed": []}
            found = self.record["recipes"].setdefault(name, empty)
            if report.passed:
                found["passed"] += 1
            else:
                found["failed"].append(report.nodeid.split("::", 1)[1])

    def pytest_sessionfinish(self):
        self.path.write_text(json.dumps(self.record), "utf-8")
