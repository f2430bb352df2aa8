"""What pip resolves for the lines that readers type was measured, cures included."""

import pytest

from tools import claims, results
from tools.measure import resolutions

RECORD = results.resolutions()
LINES = claims.read("resolutions")["install"]
CLAIMS = {" ".join(each["requirements"]): each for each in LINES}
FOUND = {" ".join(each["requirements"]): each for each in RECORD["installs"]}


def test_each_line_was_measured():
    assert [*FOUND] == [*CLAIMS], "run nox -s measure -- resolutions"


@pytest.mark.parametrize("line", CLAIMS)
def test_what_fails_has_a_cure_that_works(line):
    works = FOUND[line]["says"]["Flask-SQLAlchemy-Lite"] == "works"
    assert works == ("cure" not in CLAIMS[line])
    if not works:
        assert FOUND[line]["cure"]["add"] == CLAIMS[line]["cure"]
        assert set(FOUND[line]["cure"]["says"].values()) == {"works"}


def test_an_outcome_that_turned_ends_the_run(monkeypatch, capsys):
    """A release that fails tomorrow is named, whoever resolves it."""
    monkeypatch.setattr(
        resolutions,
        "attempt",
        lambda requirements: {
            "packages": {},
            "says": {"Flask-SQLAlchemy-Lite": "ImportError: planted"},
        },
    )
    with pytest.raises(SystemExit, match=r"turned since: .*flask-admin==2\.2\.1"):
        resolutions.main(["--check"])
    assert "ImportError: planted" in capsys.readouterr().out


def test_a_word_that_is_no_argument():
    with pytest.raises(SystemExit, match="takes nothing, or --check"):
        resolutions.main(["flask"])
