"""What the guide claims is what was measured, and the policy is what it says."""

import subprocess
import sys
from dataclasses import asdict, replace

import pytest
from packaging.specifiers import SpecifierSet

from tools import claims, results, verdicts
from tools.measure import compatibility, evidence, mutants
from tools.paths import ROOT

RESULTS = results.compatibility()
RELEASES = [each.release for each in claims.environments().values() if each.recipes]
APPROACHES = claims.approaches()
# With Sphinx, and all that it brings, uninstalled.
APART = """
import sys
sys.modules |= dict.fromkeys(["sphinx", "docutils", "jinja2", "jsonschema"])
from tools import results, verdicts
found = results.parse({
    "checks": [{"name": n, "group": n, "text": "-"} for n in ("surface", "production")],
    "approaches": {n: {"title": n, "page": "-"} for n in ("long", "short", "none")},
    "messages": {"a": "no", "b": "old"},
    "environments": [
        {"varies": {"flask-admin": "1.0"}, "without": [], "python": "3.11",
         "packages": {}, "snippets": {}, "approaches": CELLS}
    ],
})
name = verdicts.recommended(found, "1.0", {"short": 1, "long": 2})
print(name, name and verdicts.limits(found, name, "1.0"))
"""
FAILS, LIMITED = {"failed": {"surface": "a"}}, {"failed": {"production": "a"}}
WARNS = {"deprecated": "b"}


@pytest.mark.parametrize(
    ("short", "long", "said"),
    [
        ({}, {}, "short []"),
        (WARNS, {}, "long []"),
        (LIMITED, {}, "long []"),
        (LIMITED, LIMITED, "short ['production']"),
        (FAILS, LIMITED, "long ['production']"),
        (WARNS, LIMITED, "long ['production']"),
        (FAILS, WARNS, "long []"),
        (FAILS, FAILS, "None None"),
    ],
)
def test_recommended(short, long, said):
    cells = {"short": short, "long": long, "none": FAILS}
    command = [sys.executable, "-c", APART.replace("CELLS", repr(cells))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.stderr, done.stdout.strip()) == ("", said)


GOOD = results.Cell()
SURFACE, PRODUCTION = results.Cell({"a": "no\nmore"}), results.Cell({"b": "slow"})


def small(*cells):
    """Results of one approach, a cell for each of three releases."""
    environments = [
        results.Environment(
            varies={"flask-admin": version},
            python="3.11",
            packages={},
            approaches={"it": cell},
            findings={"true": not cell.failed},
        )
        for version, cell in zip(("1.2", "1.10", "2.0"), cells, strict=False)
    ]
    checks = {"a": results.Check("surface", "A."), "b": results.Check("production", "")}
    approach = results.Approach("It", "it")
    return results.Compatibility(checks, {"it": approach}, environments)


def test_three_states():
    found = small(SURFACE, PRODUCTION, GOOD)
    states = {"fails": ["1.2"], "works with limits": ["1.10"], "works": ["2.0"]}
    assert verdicts.by_state(found, "it") == states
    assert verdicts.works_on(found, "it") == ["1.10", "2.0"]
    assert verdicts.limitations(found, "it") == {("b",): ["1.10"]}
    assert verdicts.failures(found, "it") == {"no": ["1.2"]}
    assert verdicts.passes(found, "it", "2.0")
    assert not verdicts.passes(found, "it", "1.10")


def test_a_failed_surface_has_no_limits():
    found = small(results.Cell({"b": "slow", "a": "no"}))
    assert verdicts.limits(found, "it", "1.2") == []
    assert verdicts.failure(found, "it", "1.2") == "no"


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ((GOOD, GOOD, GOOD), ("holds", None)),
        ((SURFACE, SURFACE, SURFACE), ("wrong", None)),
        ((GOOD, GOOD, SURFACE), ("held until", "1.10")),
        ((SURFACE, SURFACE, GOOD), ("true since", "2.0")),
    ],
)
def test_finding(cells, said):
    assert verdicts.finding(small(*cells), "true") == said


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (["1.2", "1.10", "2.0"], "1.2 to 2.0"),
        (["1.2", "2.0"], "1.2, 2.0"),
        (["1.10", "2.0"], "1.10 and 2.0"),
        ([], ""),
    ],
)
def test_span(wanted, said):
    assert verdicts.span(small(GOOD, GOOD, GOOD), wanted) == said


def test_what_nobody_has_measured():
    with pytest.raises(KeyError, match=r"no approach 'bye' in data/claims/app"):
        verdicts.cell(RESULTS, "bye", RELEASES[-1])
    with pytest.raises(KeyError, match="Flask-Admin 0 was not measured"):
        verdicts.cell(RESULTS, "lazy-session", "0")


def test_what_is_claimed_is_what_was_run():
    declared = compatibility.described([])
    assert [*RESULTS.checks.items()] == [*declared.checks.items()]
    assert [*RESULTS.approaches.items()] == [*declared.approaches.items()]
    assert verdicts.releases(RESULTS) == RELEASES


@pytest.mark.parametrize("name", APPROACHES)
def test_an_approach_works_where_the_guide_says_and_nowhere_else(name):
    claim = SpecifierSet(APPROACHES[name].get("works", "<0"))
    claimed = [release for release in RELEASES if claim.contains(release)]
    assert verdicts.works_on(RESULTS, name) == claimed
    limits = {each for names in verdicts.limitations(RESULTS, name) for each in names}
    assert limits == {*APPROACHES[name].get("limits", [])}


def test_the_one_answer():
    """The index and Approaches say that one approach passes every check everywhere."""
    everywhere = {
        name
        for name in APPROACHES
        if all(verdicts.passes(RESULTS, name, release) for release in RELEASES)
    }
    assert everywhere == {"proxy-sqlalchemy"}
    lines = claims.lines()
    for release in RELEASES:
        assert verdicts.recommended(RESULTS, release, lines) == "proxy-sqlalchemy"


def test_the_next_major_release():
    """What the page about upgrading says of it: ``db`` in place of ``db.session``."""
    failed = results.rehearsal()["failed"]
    assert [*failed["proxy-sqlalchemy"]] == ["construct"]
    assert [*failed["proxy-sqlalchemy-db"]] == ["self-session"]


@pytest.mark.parametrize("release", RELEASES)
def test_a_recipe_passes_where_it_claims(release):
    runs = verdicts.environment(RESULTS, release).recipes
    assert sorted(runs) == compatibility.recipes_for(release), (
        "run nox -s measure -- compatibility"
    )
    assert {name: run.failed for name, run in runs.items() if run.failed} == {}


def test_a_turned_cell_is_found():
    before = verdicts.newest(RESULTS)
    turned = results.Cell({"construct": "TypeError: no"})
    cells = before.approaches | {"proxy-sqlalchemy": turned}
    after = replace(before, approaches=cells)
    found = compatibility.turned("here", asdict(before), asdict(after))
    assert list(found) == [
        "here · approaches · proxy-sqlalchemy · failed · construct: "
        "absent → TypeError: no",
    ]


def test_what_is_printed_was_measured_on_these_programs():
    fresh = compatibility.content(APPROACHES, dict(claims.recipes()))
    stale = {n for n in fresh if RESULTS.content.get(n) != fresh[n]}
    assert stale == set(), "run nox -s measure -- compatibility, with these names"
    assert RESULTS.content.keys() == fresh.keys()


@pytest.mark.parametrize("name", evidence.RESTS_ON)
def test_what_was_measured_in_one_go_is_not_stale(name):
    recorded = results.read(name).get("content")
    assert recorded == evidence.of(name), f"run nox -s measure -- {name}"


@pytest.mark.parametrize("name", mutants.targets())
def test_every_program_was_changed(name):
    """A program that changed since, or that is new, wants nox -s measure -- mutants."""
    recorded = results.mutants().get(name, {"content": ""})
    made = recorded["content"], *[*recorded][1:]
    wanted = mutants.content(name), *mutants.wanted(name)
    assert made == wanted, f"run nox -s measure -- mutants {name}"


def test_no_program_that_is_gone_has_mutants():
    assert results.mutants().keys() <= {*mutants.targets()}


def test_what_no_test_notices_has_a_reason():
    without = [
        f"{name}: {text}"
        for name, cell in results.mutants().items()
        for kind in cell.keys() - {"content"}
        for text in cell[kind]["survived"]
        if not claims.reason(name, text)
    ]
    assert without == []


def test_what_nobody_asked_of_a_requirement_is_no_difference():
    old = verdicts.newest(RESULTS)
    cell = {"proxy-sqlalchemy": old.approaches["proxy-sqlalchemy"]}
    record = replace(old, approaches=cell, recipes={}, findings={}, upstream={})
    assert [*compatibility.differences("x", record, old, [*cell])] == []
    assert [*compatibility.differences("x", record, old)]
    failed = replace(cell["proxy-sqlalchemy"], failed={"search": "KeyError"})
    record = replace(record, approaches={"proxy-sqlalchemy": failed})
    assert [*compatibility.differences("x", record, old, [*cell])] == [
        "x · approaches · proxy-sqlalchemy · failed · search: absent → KeyError"
    ]
