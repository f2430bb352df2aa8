"""Every approach against every check, in the environment that is installed.

With ``--record`` the outcomes are kept for the compatibility matrix; without it
they have to be the ones that ``data/results/compatibility.json`` holds.
"""

import importlib
import json
import subprocess
import sys
import warnings

import flask
import pytest
from flask_admin.model import BaseModelView
from packaging.specifiers import SpecifierSet
from sqlalchemy import select

from tools.measure import compatibility
from tools.measure.approaches import load
from tools.measure.contract import CHECKS, judge
from tools.measure.surface import describe
from tools.paths import ROOT

WIRINGS = {
    name: compatibility.APPROACHES[name]["wiring"]
    for name in compatibility.installed_approaches()
}
WORKING = [
    name
    for name in WIRINGS
    if SpecifierSet(compatibility.APPROACHES[name].get("works", "<0")).contains(
        compatibility.installed("Flask-Admin"), prereleases=True
    )
]


def outcome(approach, check, url):
    """Return ``ok``, ``not reached`` or what went wrong."""
    try:
        wired = load(WIRINGS[approach])
    except ImportError as error:
        return describe(error) if check == "construct" else compatibility.NOT_REACHED
    return judge(wired, check, url)


@pytest.fixture(scope="module")
def patched(tmp_path_factory, request):
    """What the approaches say in a process that gevent has patched."""
    chosen = request.config.getoption("approach") or WIRINGS
    wirings = [WIRINGS[name] for name in chosen if name in WIRINGS]
    command = [sys.executable, "-W", "ignore", "-m", "tools.measure.overlap"]
    done = subprocess.run(
        [*command, tmp_path_factory.mktemp("gevent"), *wirings],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("approach", WIRINGS)
def test_contract(approach, check, tmp_path, request):
    if CHECKS[check].process:
        outcomes = request.getfixturevalue("patched")[WIRINGS[approach]]
        got = outcomes.get(check, compatibility.NOT_REACHED)
    else:
        got = outcome(approach, check, f"sqlite:///{tmp_path}/contract.db?timeout=1")
    record = request.config.stash.get(compatibility.RECORD, None)
    if record is not None:
        record["approaches"].setdefault(approach, {})[check] = got
    else:
        assert got == compatibility.committed(approach, check)


@pytest.mark.parametrize("approach", WORKING)
def test_the_program_of_the_page(approach, drive):
    """It takes its configuration, makes its tables and shows their rows."""
    module = importlib.import_module(WIRINGS[approach].split(":")[0])
    surface = drive(module.create_app)
    with surface.elsewhere() as session:
        names = session.scalars(select(module.User.name).order_by(module.User.id)).all()
    rows = surface.rows("/admin/user/")
    assert [name in row for name, row in zip(names, rows, strict=True)] == [True] * 2
    assert surface.token("/admin/user/new/")


@pytest.mark.parametrize("approach", WIRINGS)
def test_construction(approach, tmp_path, monkeypatch, request):
    """What Flask-Admin warns of, and whether views were made inside a context."""
    contexts = set()

    def init(self, *args, _original=BaseModelView.__init__, **kwargs):
        contexts.add(flask.has_app_context())
        _original(self, *args, **kwargs)

    monkeypatch.setattr(BaseModelView, "__init__", init)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcome(approach, "construct", f"sqlite:///{tmp_path}/contract.db?timeout=1")
    messages = (str(warning.message) for warning in caught)
    got = {
        "deprecated": next(
            (text for text in messages if "session object" in text), None
        ),
        "context": True in contexts,
    }
    record = request.config.stash.get(compatibility.RECORD, None)
    if record is not None:
        record["construction"][approach] = got
    else:
        cell = compatibility.committed_cell(approach)
        assert got == {key: getattr(cell, key) for key in got}
