"""Every approach against every check, in the environment that is installed.

With ``--record`` the outcomes are kept for the compatibility matrix; without it
they have to be the ones that ``data/results/compatibility.json`` holds.
"""

import warnings

import flask
import pytest
from flask_admin.model import BaseModelView

from tools.measure import compatibility
from tools.measure.contract import CHECKS
from tools.measure.outcome import outcome


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("approach", compatibility.installed_approaches())
def test_contract(approach, check, tmp_path, request):
    got = outcome(approach, check, f"sqlite:///{tmp_path}/contract.db")
    record = request.config.stash.get(compatibility.RECORD, None)
    if record is not None:
        record["approaches"].setdefault(approach, {})[check] = got
    else:
        assert got == compatibility.committed(approach, check)


@pytest.mark.parametrize("approach", compatibility.installed_approaches())
def test_construction(approach, tmp_path, monkeypatch, request):
    """What Flask-Admin warns of, and whether views were made inside a context."""
    contexts = set()

    def init(self, *args, _original=BaseModelView.__init__, **kwargs):
        contexts.add(flask.has_app_context())
        _original(self, *args, **kwargs)

    monkeypatch.setattr(BaseModelView, "__init__", init)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        outcome(approach, "construct", f"sqlite:///{tmp_path}/contract.db")
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
        assert got == {key: cell[key] for key in got}
