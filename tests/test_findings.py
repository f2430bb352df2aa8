"""Every statement of the investigation, asked on the installed release."""

import inspect

import pytest

from snippets import findings
from tools import claims, results, verdicts
from tools.measure import compatibility
from tools.paths import DOCS

STATEMENTS = claims.read("findings")["statements"]
CHECKS = sorted({statement["check"] for statement in STATEMENTS})


@pytest.mark.parametrize("check", CHECKS)
def test_finding(check, request):
    got = getattr(findings, check)()
    record = request.config.stash.get(compatibility.RECORD, None)
    if record is not None:
        record["findings"][check] = got
        return
    release = compatibility.installed("Flask-Admin")
    known = verdicts.environment(results.compatibility(), release)
    assert got == known.findings[check]


def test_the_ledger_is_complete():
    assert len(STATEMENTS) >= 40
    for statement in STATEMENTS:
        assert statement.keys() == {"section", "says", "check", "note"}
        assert inspect.isfunction(getattr(findings, statement["check"]))


def test_every_part_of_the_investigation_has_its_row():
    assert list(dict.fromkeys(each["section"] for each in STATEMENTS)) == [
        "Executive summary",
        "Comparison table",
        "The problem",
        "Why Flask-SQLAlchemy works",
        *(f"Workaround {number}" for number in range(1, 5)),
        *(f"Test {number}" for number in range(1, 4)),
        "Recommendations",
        "Advantages",
        "Disadvantages",
        "Conclusion",
        "The original question",
    ]
    page = (DOCS / "findings.md").read_text("utf-8")
    for part in ["New projects", "Existing", "Advanced", "Files created", "Next steps"]:
        assert f"| {part}" in page
