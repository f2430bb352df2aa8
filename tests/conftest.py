import json
from pathlib import Path

import pytest

from tests import matrix
from tests.surface import Surface

pytest_plugins = ["pytester"]


@pytest.fixture
def drive(tmp_path):
    """Make a Surface of an application factory, on a database file of its own."""
    surfaces = []

    def make(create_app):
        url = f"sqlite:///{tmp_path}/{len(surfaces)}.db"
        surfaces.append(Surface(create_app, url))
        return surfaces[-1]

    yield make
    for surface in surfaces:
        surface.close()


def pytest_addoption(parser):
    parser.addoption("--record", type=Path, help="write the outcomes to this file")
    parser.addoption("--approach", action="append", help="run only this approach")


def pytest_configure(config):
    path = config.getoption("record")
    if path:
        config.stash[matrix.RECORD] = record = matrix.new_record()
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


class Recorder:
    """Writes down what a run found, for the compatibility matrix."""

    def __init__(self, path, record):
        self.path = path
        self.record = record

    def pytest_runtest_logreport(self, report):
        path = report.location[0]
        if report.when != "call":
            return
        if path.startswith("snippets/"):
            passed = report.passed and self.record["snippets"].get(path) != "failed"
            self.record["snippets"][path] = matrix.OK if passed else "failed"
        elif path.startswith("tests/recipes/"):
            empty = {"passed": 0, "failed": []}
            found = self.record["recipes"].setdefault(path, empty)
            if report.passed:
                found["passed"] += 1
            else:
                found["failed"].append(report.nodeid.split("::", 1)[1])

    def pytest_sessionfinish(self):
        self.path.write_text(json.dumps(matrix.condense(self.record)), "utf-8")
