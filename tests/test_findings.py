"""Every statement of the investigation, asked on the installed release."""

import inspect

import pytest

from snippets import findings
from tools.measure import compatibility
from tools.paths import ROOT

LEDGER = compatibility.tomllib.loads(
    (ROOT / "data/claims/findings.toml").read_text("utf-8")
)
STATEMENTS = LEDGER["statements"]
CHECKS = sorted({statement["check"] for statement in STATEMENTS})


@pytest.mark.parametrize("check", CHECKS)
def test_finding(check, request):
    got = getattr(findings, check)()
    record = request.config.stash.get(compatibility.RECORD, None)
    if record is not None:
        record["findings"][check] = got
        return
    release = f"flask-admin=={compatibility.installed('Flask-Admin')}"
    assert got == compatibility.results()["environments"][release]["findings"][check]


def test_the_ledger_is_complete():
    assert len(STATEMENTS) >= 40
    for statement in STATEMENTS:
        assert statement.keys() == {"section", "says", "check", "note"}
        assert inspect.isfunction(getattr(findings, statement["check"]))
