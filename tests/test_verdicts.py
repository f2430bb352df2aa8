"""What the guide claims is what the matrix measured."""

import json

import pytest
from packaging.specifiers import SpecifierSet

from tools.measure import compatibility, mutants
from tools.measure.contract import CHECKS
from tools.paths import ROOT

RESULTS = compatibility.results()
RELEASES = [
    name
    for name in compatibility.DATA["environments"]
    if name.startswith("flask-admin==") and "," not in name
]


def test_the_checks_are_the_ones_that_were_run():
    assert list(RESULTS["checks"]) == list(CHECKS)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("approach", compatibility.APPROACHES)
def test_an_approach_works_where_the_guide_says_and_nowhere_else(approach, release):
    claim = compatibility.APPROACHES[approach].get("works")
    claimed = claim is not None and SpecifierSet(claim).contains(release.split("==")[1])
    failed = RESULTS["environments"][release]["approaches"][approach]["failed"]
    assert (not failed) == claimed, failed


@pytest.mark.parametrize("release", RELEASES)
def test_a_recipe_passes_where_it_claims(release):
    run = RESULTS["environments"][release]["recipes"]
    claimed = list(compatibility.recipe_tests(release.split("==")[1]))
    assert sorted(run) == sorted(claimed), "run nox -s measure -- compatibility"
    assert {
        path: found["failed"] for path, found in run.items() if found["failed"]
    } == {}


def test_a_turned_cell_is_found():
    environment = RESULTS["environments"]["flask-admin==2.2.1"]
    cell = environment["approaches"]["lazy-session"]
    planted = environment | {
        "approaches": environment["approaches"]
        | {
            "lazy-session": cell
            | {"passed": 0, "failed": {"construct": "TypeError: no"}}
        }
    }
    assert list(compatibility.turned("here", environment, planted)) == [
        "here · approaches · lazy-session · failed · construct: absent → TypeError: no",
        f"here · approaches · lazy-session · passed: {len(CHECKS)} → 0",
    ]


def test_every_statement_was_taken_out():
    """A program that changed since, or that is new, wants nox -s measure -- mutants."""
    recorded = json.loads(mutants.OUTPUT.read_text("utf-8"))
    assert {name: cell["mutants"] for name, cell in recorded.items()} == {
        name: len(
            [*mutants.statements((ROOT / f"snippets/{name}.py").read_text("utf-8"))]
        )
        for name in mutants.targets()
    }
    reasons = [why for cell in recorded.values() for why in cell["survived"].values()]
    assert all(reasons)
