"""The results files are small, in order, and as their schemas say."""

import json
import random

import pytest
from jsonschema import Draft202012Validator

from tools import results
from tools.paths import RESULTS, SCHEMAS

DATA = results.read("compatibility")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """Results are read and written in another folder."""
    monkeypatch.setattr(results, "RESULTS", tmp_path)


@pytest.mark.parametrize("name", results.NAMES)
def test_a_file_is_as_its_schema_says(name):
    results.validate(name)
    schema = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)


def test_each_file_has_a_schema():
    for folder in RESULTS, SCHEMAS:
        assert {path.name for path in folder.iterdir()} == {
            f"{name}.json" for name in results.NAMES
        }


DB = ("environments", 0, "approaches", "db", "failed", "listing")


@pytest.mark.parametrize(
    ("name", "keys", "value", "message"),
    [
        (
            "compatibility",
            ("environments", 3, "python"),
            3.11,
            "$.environments[3].python: 3.11 is not of type 'string'",
        ),
        (
            "compatibility",
            DB,
            "00000000",
            "$.environments[0]: there is no message '00000000'",
        ),
        (
            "compatibility",
            ("checks", 0, "group"),
            "other",
            "$.checks[0].group: 'other' is not one of ['surface', 'production']",
        ),
        (
            "performance",
            ("rounds",),
            "many",
            "$.rounds: 'many' is not of type 'integer'",
        ),
        (
            "reliability",
            ("memory", "megabytes"),
            -1,
            "$.memory.megabytes: -1 is less than the minimum of 0",
        ),
        (
            "mutants",
            ("recipes/csrf", "statements", "mutants"),
            -1,
            "$['recipes/csrf'].statements.mutants: -1 is less than the minimum of 0",
        ),
    ],
)
def test_a_planted_error_is_named_with_its_place(request, name, keys, value, message):
    data = place = results.read(name)
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    request.getfixturevalue("elsewhere")
    results.write(name, data)
    with pytest.raises(ValueError, match=r"^data/results/") as refused:
        results.validate(name)
    assert str(refused.value) == f"data/results/{name}.json, at {message}"


def test_a_file_that_is_not_json(elsewhere):
    results.path("mutants").write_text("{", "utf-8")
    with pytest.raises(ValueError, match=r"^data/results/mutants.json is not JSON: "):
        results.validate("mutants")


def test_versions_are_in_order_whatever_the_order_of_the_file():
    first = DATA["environments"][0]
    versions = ["2.2.2", "2.2.10", "2.10.0", "2.2.10rc1"]
    more = [first | {"varies": {"flask-admin": version}} for version in versions]
    shuffled = [*more, *DATA["environments"]]
    random.Random(1).shuffle(shuffled)  # noqa: S311
    found = results.parse(DATA | {"environments": shuffled}).environments
    releases = [each.release for each in found if each.release and not each.without]
    assert releases[-4:] == ["2.2.2", "2.2.10rc1", "2.2.10", "2.10.0"]
    usual = results.parse(DATA).environments
    assert [each for each in found if each in usual] == usual


def test_what_is_written_is_what_was_read(elsewhere):
    found = results.parse(DATA)
    results.write_compatibility(found)
    assert results.compatibility() == found
    assert results.read("compatibility") == DATA


def test_each_message_is_stored_once():
    text = json.dumps(DATA)
    for key, message in DATA["messages"].items():
        assert key == results.key_of(message)
        assert text.count(json.dumps(message)) == 1
    assert results.parse(DATA).messages == [*DATA["messages"].values()]


def test_all_results_stay_small():
    assert sum(path.stat().st_size for path in RESULTS.iterdir()) <= 500_000
