"""What the results mean: questions and policy, pure functions of typed results."""

from itertools import groupby

from tools.results import FULL, LITE

WORKS, LIMITED, FAILS = "works", "works with limits", "fails"
HOLDS, WRONG, HELD_UNTIL, TRUE_SINCE = "holds", "wrong", "held until", "true since"


def releases(results):
    """The measured releases of Flask-Admin, the oldest first."""
    return [e.release for e in results.environments if e.release and not e.without]


def environment(results, release, without=()):
    for each in results.environments:
        if each.release == release and each.without == [*without]:
            return each
    raise KeyError(
        f"Flask-Admin {release} was not measured: run nox -s measure -- compatibility"
    )


def newest(results):
    return environment(results, releases(results)[-1])


def others(results):
    """The environments that vary something else than Flask-Admin."""
    return [each for each in results.environments if not each.release]


def cell(results, approach, release, alone=False):
    """The outcome of an approach on a Flask-Admin release.

    :param alone: with the approach's own library and not the other one.
    :raises KeyError: for an approach or a release that was not run.
    """
    if approach not in results.approaches:
        raise KeyError(f"no approach {approach!r} in data/claims/approaches.toml")
    library = results.approaches[approach].library
    without = [FULL if library == LITE else LITE] if alone else []
    return environment(results, release, without).approaches[approach]


def group(results, name):
    """The checks of a group, by name."""
    return {n: check for n, check in results.checks.items() if check.group == name}


def state_of(results, found):
    if found.failed.keys() & group(results, "surface").keys():
        return FAILS
    return LIMITED if found.failed else WORKS


def state(results, approach, release, alone=False):
    return state_of(results, cell(results, approach, release, alone))


def passes(results, approach, release, alone=False):
    """Whether every check passes."""
    return state(results, approach, release, alone) == WORKS


def limits(results, approach, release, alone=False):
    """The checks of production that fail where the whole surface works."""
    found = cell(results, approach, release, alone)
    return [*found.failed] if state_of(results, found) == LIMITED else []


def failure(results, approach, release, alone=False):
    """The first thing that a failing approach says, one line."""
    failed = cell(results, approach, release, alone).failed
    surface = group(results, "surface")
    return next((t.splitlines()[0] for c, t in failed.items() if c in surface), None)


def passed(results, found):
    """How many checks passed: none is reached in what cannot be made."""
    return 0 if "construct" in found.failed else len(results.checks) - len(found.failed)


def works_on(results, approach, alone=False):
    """The releases on which the whole surface works."""
    return [
        release
        for release in releases(results)
        if state(results, approach, release, alone) != FAILS
    ]


def joined(results, outcome, newest_first=False):
    """Outcomes with the releases that have them: ``{outcome(release): releases}``."""
    found = {}
    for release in releases(results)[:: -1 if newest_first else 1]:
        found.setdefault(outcome(release), []).append(release)
    return found


def by_state(results, approach):
    return joined(results, lambda release: state(results, approach, release))


def warnings(results, approach):
    """What an approach that works warns of, with its releases."""
    known = works_on(results, approach)
    said = joined(results, lambda each: cell(results, approach, each).deprecated)
    found = {text: [e for e in where if e in known] for text, where in said.items()}
    return {text: where for text, where in found.items() if text and where}


def span(results, wanted):
    """``1.6.1 to 2.0.2, 2.2.1``: neighbours in the list of releases joined."""
    parts = []
    for inside, run in groupby(releases(results), key=lambda each: each in wanted):
        names = [*run]
        if inside:
            joint = " and " if len(names) == 2 else " to "
            parts.append(joint.join(dict.fromkeys([names[0], names[-1]])))
    return ", ".join(parts)


def steps(results):
    """``(old, new, approaches)`` for each upgrade: those whose outcome differs."""
    for old, new in zip(releases(results), releases(results)[1:], strict=False):

        def outcome(name, release):
            found = cell(results, name, release)
            return state(results, name, release), [*found.failed], found.deprecated

        names = results.approaches
        yield old, new, [n for n in names if outcome(n, old) != outcome(n, new)]


def failures(results, approach):
    """Why an approach fails: each message with its releases."""
    found = joined(results, lambda release: failure(results, approach, release))
    return {text: where for text, where in found.items() if text}


def limitations(results, approach):
    """With which limits an approach works: each set with its releases."""
    found = joined(results, lambda release: (*limits(results, approach, release),))
    return {names: where for names, where in found.items() if names}


def observed(results, approach, release):
    """What an approach says on a release: the checks that failed with each message."""
    said = {}
    for check, text in cell(results, approach, release).failed.items():
        said.setdefault(text, []).append(check)
    return said


def same_alone(results, approach, release):
    """Whether the other extension makes no difference."""
    both, alone = (cell(results, approach, release, each) for each in (False, True))
    return both == alone


def needs_both(results, approach):
    """The releases on which an approach fails with its own extension alone."""
    return [
        release
        for release in works_on(results, approach)
        if state(results, approach, release, alone=True) == FAILS
    ]


def said_alone(results, release):
    """What approaches say with only their own extension and not with both."""
    return [
        *dict.fromkeys(
            failure(results, name, release, alone=True)
            for name in results.approaches
            if not same_alone(results, name, release)
            and state(results, name, release, alone=True) == FAILS
        )
    ]


def lifetime(results, approach):
    """The releases on which requests of an approach share one session."""
    return [
        release
        for release in releases(results)
        if "share a session"
        in cell(results, approach, release).failed.get("session-per-request", "")
    ]


def scope(results, approach, release, checks):
    """Whose session a view works with, and whether it keeps a connection.

    :param checks: what else has to hold of a session for each request.
    """
    failed = cell(results, approach, release).failed
    if release in lifetime(results, approach):
        return "application"
    if {"construct", "session-per-request"} & failed.keys():
        return "raises"
    return "leaks" if {*checks} & failed.keys() else "request"


def difference(results, record):
    """The approaches whose outcome is not the one of the newest release."""
    usual = newest(results).approaches
    return [name for name, found in record.approaches.items() if found != usual[name]]


def finding(results, check):
    """What the runs of one question say, and up to or from which release.

    :raises KeyError: for a question that a release was not asked.
    """
    known = releases(results)
    true = [each for each in known if environment(results, each).findings[check]]
    if true == known:
        return HOLDS, None
    if not true:
        return WRONG, None
    if true == known[: len(true)]:
        return HELD_UNTIL, true[-1]
    return TRUE_SINCE, true[0]


def recommended(results, release, lines, alone=False):
    """The shortest approach with Lite that passes all checks and warns of nothing.

    Where none does: the shortest that works with limits, and only then one that warns.

    :param lines: how many lines each approach adds to an application.
    """

    def cost(name):
        found = cell(results, name, release, alone)
        return bool(found.deprecated), bool(found.failed), lines.get(name, 0)

    good = [
        name
        for name, approach in results.approaches.items()
        if approach.library == LITE and state(results, name, release, alone) != FAILS
    ]
    return min(good, key=cost, default=None)


def recommendations(results, lines):
    """``(releases, name, name alone)``, the newest first, joined where they agree."""
    pairs = joined(
        results,
        lambda each: tuple(recommended(results, each, lines, a) for a in (False, True)),
        newest_first=True,
    )
    return [(where, *pair) for pair, where in pairs.items()]


def recipe_runs(results, name):
    """How many tests a recipe has, and the releases on which all passed.

    :raises LookupError: when they passed on none.
    """
    runs = {each: environment(results, each).recipes for each in releases(results)}
    works = [e for e, found in runs.items() if name in found and not found[name].failed]
    if not works:
        raise LookupError(
            f"no release has passed {name}: run nox -s measure -- compatibility"
        )
    return runs[works[-1]][name].passed, works


def passed_on(results, snippet):
    """The releases on which the doctest of a snippet passed."""
    known = releases(results)
    return [e for e in known if environment(results, e).snippets.get(snippet)]


def broken(run):
    """The approach under load that shows what the run can see."""
    return next(name for name in run["load"]["gunicorn"] if name not in run["input"])


def total(run, key="requests"):
    """A count over all servers and approaches under load."""
    return sum(c.get(key, 0) for cells in run["load"].values() for c in cells.values())


def tries(run):
    """How often a fault was brought about in an approach that works."""
    faults = run["faults"].values()
    return sum(
        c["times"] for cells in faults for n, c in cells.items() if n in run["input"]
    )


def outcomes(run, title):
    """What a fault did, ``(seen, then)``, and to which approaches."""
    found = {}
    for name, each in run["faults"][title].items():
        found.setdefault((each["seen"], each["then"]), []).append(name)
    return found


def by_outcome(releases, place, name, failed=tuple):
    """The releases on which an approach was run at a place, by what failed there."""
    found = {}
    for release, places in releases.items():
        if name in places[place]:
            found.setdefault(failed(places[place][name]), []).append(release)
    return found


def on_server(run, server, name):
    """What failed of an approach on a server: each outcome with its releases."""
    return by_outcome(
        run["releases"], server, name, lambda cell: tuple(cell.get("failed", ()))
    )


def on_database(run, database, name):
    """The checks that an approach fails on a database: each set with its releases."""
    return by_outcome(run["failed"], database, name)


def run_on(run, name, releases="releases"):
    """The releases on which an approach was run on every server of a result.

    :param releases: where the result has its releases.
    """
    return [
        release
        for release, places in run[releases].items()
        if all(name in cells for cells in places.values())
    ]


def fails_on(run, server, names):
    """Which of some approaches fail on a server, on any release."""
    return [name for name in names if any(on_server(run, server, name))]


def said_on(run):
    """What failing cells said: each text once, with the approaches by server."""
    found = {}
    for servers in run["releases"].values():
        for server, cells in servers.items():
            for name, cell in cells.items():
                if text := cell.get("why"):
                    places = found.setdefault(text, {}).setdefault(server, {})
                    places[name] = None
    return found
