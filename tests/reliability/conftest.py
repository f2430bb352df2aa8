"""The server that the run uses, and the file that it writes or is held against."""

import copy
import json
import logging

import pytest

from tools import results
from tools.measure import compatibility, evidence
from tools.measure.reliability import postgres

PACKAGES = [*compatibility.PACKAGES, "psycopg", "gunicorn", "hypothesis"]


@pytest.fixture(scope="session")
def server():
    try:
        with postgres.running() as server:
            yield server
    except postgres.NoServer as error:
        pytest.exit(str(error), returncode=1)


@pytest.fixture
def record(record_property):
    """``record(*keys, value)``: what a test found."""
    return lambda *found: record_property("reliability", found)


def put(into, *keys, value):
    for key in keys[:-1]:
        into = into.setdefault(key, {})
    into[keys[-1]] = value


def pytest_addoption(parser):
    text = "write data/results/reliability.json instead of being held against it"
    parser.addoption("--record-reliability", action="store_true", help=text)


def pytest_configure(config):
    # The pool of a broken approach reports at exit what its tests asserted.
    logging.getLogger("sqlalchemy.pool").addHandler(logging.NullHandler())
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder(config), "reliability")


class Recorder:
    def __init__(self, config):
        self.write = config.getoption("record_reliability")
        self.found = []

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self.found += [
                found for name, found in report.user_properties if name == "reliability"
            ]

    def pytest_sessionfinish(self, session, exitstatus):
        exists = results.path("reliability").exists()
        old = results.reliability() if exists else {}
        new = copy.deepcopy(old)
        # A run of some of the tests says nothing about the others.
        for *keys, value in self.found:
            put(new, *keys, value=value)
        for name in PACKAGES:
            put(new, "packages", name, value=compatibility.installed(name))
        if self.write:
            if exitstatus:
                return
            chosen = any(map(session.config.getoption, ("keyword", "markexpr", "lf")))
            # Only the whole run speaks for the programs as they are.
            if session.config.args == ["tests/reliability"] and not chosen:
                new["content"] = evidence.of("reliability")
            # The order in which tests ran says nothing.
            results.write("reliability", json.loads(json.dumps(new, sort_keys=True)))
            return
        # Other versions are to give the same.
        new["packages"] = old.get("packages")
        if turns := list(compatibility.turned("reliability", old, new)):
            print("", *turns, sep="\n")
            session.exitstatus = session.exitstatus or 1
