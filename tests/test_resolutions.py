"""What pip resolves for the lines that readers type was measured, cures included."""

import json

import pytest

from tools.measure import resolutions

RECORD = json.loads(resolutions.OUTPUT.read_text("utf-8"))
CLAIMS = {" ".join(each["requirements"]): each for each in resolutions.claims()}
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


def test_an_outcome_that_turned_ends_the_run(monkeypatch, tmp_path, capsys):
    """A release that fails tomorrow is named, whoever resolves it."""
    copy = tmp_path / "resolutions.json"
    copy.write_text(resolutions.OUTPUT.read_text("utf-8"))
    monkeypatch.setattr(resolutions, "OUTPUT", copy)
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
