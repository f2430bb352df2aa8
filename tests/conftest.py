import json
from pathlib import Path

from tests import matrix


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
        if report.when == "call" and path.startswith("snippets"):
            passed = report.passed and self.record["snippets"].get(path) != "failed"
            self.record["snippets"][path] = matrix.OK if passed else "failed"

    def pytest_sessionfinish(self):
        self.path.write_text(json.dumps(matrix.condense(self.record)), "utf-8")
