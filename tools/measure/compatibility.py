"""The compatibility matrix: run the contract in each environment that is claimed.

Usage: ``nox -s measure -- compatibility [NAME ...]``

A NAME is an environment (``"flask-admin==2.2.1, Lite alone"``) or an approach of
data/claims, a recipe (``recipes/tenants``), or any requirement that pip takes
(``flask-admin==3.0.0``, ``flask-admin@path``). Without one, all are run. Declared
environments are written to data/results/compatibility.json; with ``--check`` they are
compared with it. A requirement of your own is installed anew each time and compared
with the newest release: what turned is printed, and the command exits with 1.
"""

import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from datetime import date
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tools import claims, results, verdicts
from tools.measure import approaches, contract, evidence
from tools.measure.contract import CHECKS, NOT_REACHED, OK
from tools.paths import ROOT

APPROACHES = claims.approaches()
RECORD = pytest.StashKey[dict]()
SIGNS = {
    verdicts.WORKS: "works",
    verdicts.LIMITED: "works with limits",
    verdicts.FAILS: "FAILS",
}
LIBRARIES = ["Flask-Admin", "Flask-SQLAlchemy-Lite", "Flask-SQLAlchemy"]
PACKAGES = [*LIBRARIES, "Flask", "SQLAlchemy", "Werkzeug", "WTForms"]
TOOLS = ["pytest", "pytest-sphinx", "beautifulsoup4", "packaging", "gevent"]


def installed(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def commits():
    """The packages that were installed from a checkout or a repository, with where."""
    found = {}
    for name in LIBRARIES:
        if not installed(name):
            continue
        text = metadata.distribution(name).read_text("direct_url.json")
        about = json.loads(text) if text else {}
        if "vcs_info" in about:
            found[name] = about["vcs_info"]["commit_id"]
        elif about.get("url", "").startswith("file:"):
            folder = unquote(urlparse(about["url"]).path)
            command = [
                "git",
                "-C",
                folder,
                "describe",
                "--always",
                "--dirty",
                "--abbrev=40",
            ]
            done = subprocess.run(command, capture_output=True, text=True)
            found[name] = done.stdout.strip() or "unknown: not a git checkout"
    return found


def content(approaches, recipes):
    """What cells rest on: a hash for each approach and each recipe."""
    found = {}
    for name in approaches:
        module = APPROACHES[name]["wiring"].partition(":")[0].replace(".", "/")
        found[name] = evidence.content(*evidence.CONTRACT, f"{module}.py")
    for name in recipes:
        paths = f"snippets/recipes/{name}.py", f"tests/recipes/test_{name}.py"
        found[f"recipes/{name}"] = evidence.content(*paths)
    return found


def installed_approaches():
    """The approaches whose library is installed."""
    return [
        name
        for name, approach in APPROACHES.items()
        if installed(approach.get("library", results.LITE))
    ]


def factory(name):
    """A factory of the contract's application, wired by an approach."""
    return contract.factory(approaches.load(APPROACHES[name]["wiring"]))


def committed_cell(approach):
    """What the results file holds for the Flask-Admin release that is installed."""
    release = installed("Flask-Admin")
    return verdicts.cell(results.compatibility(), approach, release)


def committed(approach, check):
    failed = committed_cell(approach).failed
    if "construct" in failed and check != "construct":
        return NOT_REACHED
    return failed.get(check, OK)


def new_record():
    """What a run of pytest with ``--record`` fills in."""
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "packages": {name: installed(name) for name in PACKAGES},
        "approaches": {},
        "construction": {},
        "findings": {},
        "recipes": {},
        "snippets": {},
        "upstream": {},
        "commits": commits(),
    }


def condense(wanted, record):
    """Keep what failed: the rest of the checks passed, and all were run."""
    cells = {}
    for name, outcomes in record["approaches"].items():
        if missing := CHECKS.keys() - outcomes.keys():
            raise RuntimeError(f"{name}: not run: {', '.join(sorted(missing))}")
        failed = {
            check: outcomes[check]
            for check in CHECKS
            if outcomes[check] not in (OK, NOT_REACHED)
        }
        cells[name] = results.Cell(failed, **record["construction"][name])
    runs = {name: results.Run(**run) for name, run in record["recipes"].items()}
    known = {"varies": wanted.varies, "without": wanted.without}
    return results.Environment(
        **known,
        resolve=wanted.resolve,
        python=record["python"],
        packages=record["packages"],
        approaches=cells,
        findings=record["findings"],
        recipes=runs,
        snippets=record["snippets"],
        upstream=record["upstream"],
        commits=record["commits"],
    )


def requirements(wanted, more=()):
    """What to install: requirements.txt with changes, and what only limits it."""
    pins = {name: [*map(str, each)] for name, each in claims.pins().items()}
    changes = wanted.varies | wanted.pins
    left_out = {*wanted.without, *wanted.drops}
    names = [*map(str.lower, LIBRARIES), *TOOLS, *changes, *more]
    if wanted.recipes:
        names += direct()
    lines = []
    for name in dict.fromkeys(names):
        change = changes.get(name)
        if name == "python" or name in left_out:
            continue
        if change is None:
            lines += pins[name]
        else:
            lines.append(change if re.search("[=@<>]", change) else f"{name}=={change}")
    if wanted.resolve == "highest":
        return lines, []
    limits = pins.keys() - changes.keys() - left_out
    return lines, [line for name in limits for line in pins[name]]


def newest():
    """The newest release of Flask-Admin that is declared."""
    return [each.release for each in claims.environments().values() if each.recipes][-1]


def direct():
    """The packages that requirements.in names."""
    lines = (ROOT / "requirements.in").read_text("utf-8").splitlines()
    stated = [line.partition("#")[0].strip() for line in lines]
    return [canonicalize_name(Requirement(line).name) for line in stated if line]


def recipes_for(release):
    """The recipes that claim a Flask-Admin release."""
    return [
        name
        for name, about in claims.recipes()
        if SpecifierSet(about["works"]).contains(release, prereleases=True)
    ]


def python(wanted, folder, more=()):
    """The command that is Python in an environment, described by files in a folder."""
    lines, constraints = requirements(wanted, more)
    listed = Path(folder, "requirements.txt")
    listed.write_text("\n".join(["-c constraints.txt", *lines]))
    Path(folder, "constraints.txt").write_text("\n".join(constraints))
    command = ["uv", "run", "--quiet", "--isolated", "--no-project"]
    command += ["--no-python-downloads"]
    command += ["--python", wanted.varies.get("python", "3.11")]
    return [*command, "--with-requirements", listed, "python"]


def environ():
    return {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}


def run(wanted, approaches, recipes):
    """Run one environment, or some approaches or recipes in it; return what it gave.

    :raises RuntimeError: with uv's or pytest's own words when it cannot be made.
    """
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder, "record.json")
        command = [*python(wanted, folder), "-m", "pytest", "-q"]
        command += [
            "--continue-on-collection-errors",
            "-p",
            "no:cacheprovider",
            "-W",
            "ignore",
        ]
        command += ["--record", record, *[f"--approach={name}" for name in approaches]]
        own = wanted.label not in claims.environments()
        release = newest() if own else wanted.release
        names = recipes_for(release) if wanted.recipes else []
        for package in wanted.varies if own else ():
            # A checkout that changed has the version that it had.
            command[2:2] = [f"--refresh-package={package}"]
        if recipes:
            names = [name for name in names if name in recipes]
            command += [f"snippets/recipes/{name}.py" for name in names]
        else:
            command += ["tests/test_contract.py"]
        if not approaches:
            command += [f"tests/recipes/test_{name}.py" for name in names]
            if not recipes:
                command += ["snippets", *["tests/test_findings.py"] * bool(names)]
                if wanted.recipes and release == newest():
                    command += ["tests/test_upstream.py"]
        done = subprocess.run(
            command, cwd=ROOT, env=environ(), capture_output=True, text=True
        )
        if not record.exists():
            words = [line for line in done.stderr.splitlines() if line.strip()]
            raise RuntimeError(" ".join(" ".join(words or ["no output"]).split()))
        return condense(wanted, json.loads(record.read_text("utf-8")))


def table(found, record):
    """One environment as lines of text."""
    yield record.label
    for approach, cell in record.approaches.items():
        state = verdicts.state_of(found, cell)
        passed = verdicts.passed(found, cell)
        yield f"  {SIGNS[state]}  {approach} ({passed} of {len(CHECKS)})"
        for check, text in cell.failed.items():
            yield f"         {check}: {text.splitlines()[0]}"


def flat(value, path=()):
    """Every leaf of nested dictionaries with the keys that lead to it."""
    if isinstance(value, dict):
        for key in value:
            yield from flat(value[key], (*path, key))
    else:
        yield " · ".join(path), value


def turned(name, old, new):
    """The cells that differ between two records, as lines of text."""
    old, new = dict(flat(old)), dict(flat(new))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            before, after = (str(cells.get(key, "absent")) for cells in (old, new))
            yield (
                f"{name} · {key}: {before.splitlines()[0]} → {after.splitlines()[0]}"
            )


COMPARED = ["approaches", "findings", "recipes", "snippets", "upstream"]


def differences(name, record, old, approaches=(), recipes=()):
    """What a requirement of one's own does otherwise than the newest release.

    :param approaches: those that were named, if any; nothing else was run then.
    :param recipes: the same of recipes.
    """
    kept = [{part: asdict(each)[part] for part in COMPARED} for each in (old, record)]
    if approaches or recipes:
        named = {"approaches": approaches, "recipes": recipes}
        kept = [
            {p: {n: each[p][n] for n in named[p] if n in each[p]} for p in named}
            for each in kept
        ]
    # It can be newer than what brought a deprecation; a test more is no news.
    for each in kept:
        for run in each["recipes"].values():
            run.pop("passed")
    return turned(name, *kept)


def commit(record):
    """The commit that an environment's package was made from, as installed."""
    return "".join(f", commit {each}" for each in record.commits.values())


def select(names):
    """Sort the command line's words into environments and approaches.

    :raises SystemExit: for a word that is neither and no requirement.
    """
    known, environments, approaches, recipes = claims.environments(), {}, [], []
    programs = dict(claims.recipes())
    for name in names:
        if name in APPROACHES:
            approaches.append(name)
        # A page has hyphens where its program has underscores.
        elif (program := name.removeprefix("recipes/").replace("-", "_")) in programs:
            recipes.append(program)
        elif name in known:
            environments[name] = known[name]
        else:
            package, _, path = name.partition("@")
            if path and Path(path.strip()).exists():
                name = f"{package.strip()} @ {Path(path.strip()).resolve().as_uri()}"
            try:
                varies = {Requirement(name).name.lower(): name}
            except InvalidRequirement:
                sys.exit(
                    f"compatibility: {name!r} is no environment and no approach of "
                    "data/claims, no recipe, and no requirement that pip takes"
                )
            environments[name] = claims.Wanted(varies=varies, recipes=True)
    if recipes and approaches:
        sys.exit("compatibility: name approaches or recipes, not both")
    chosen = environments or known
    if recipes:
        # Pytest without a test to run would run all.
        chosen = {
            name: each
            for name, each in chosen.items()
            if each.recipes
            and {*recipes_for(each.release if name in known else newest())} & {*recipes}
        }
    if not chosen:
        sys.exit("compatibility: these recipes claim none of these environments")
    return chosen, approaches, recipes


def described(environments, content=()):
    """Results with the checks and the approaches as they are declared now."""
    environments = [
        replace(
            each,
            approaches={n: c for n, c in each.approaches.items() if n in APPROACHES},
        )
        for each in environments
    ]
    return results.Compatibility(
        {
            name: results.Check(check.group, check.text)
            for name, check in CHECKS.items()
        },
        {
            name: results.Approach(
                about["title"], about["page"], about.get("library", results.LITE)
            )
            for name, about in APPROACHES.items()
        },
        environments,
        date.today().isoformat(),
        dict(content),
    )


def main(arguments):
    check = "--check" in arguments
    words = [name for name in arguments if name != "--check"]
    environments, approaches, recipes = select(words)
    declared = claims.environments()
    exists = results.path("compatibility").exists()
    known = results.compatibility() if exists else described([])
    old = {each.label: each for each in known.environments}
    new, problems, turns = dict(old), [], []
    start, cells = time.monotonic(), 0

    def attempt(item):
        try:
            return item[0], run(item[1], approaches, recipes)
        except RuntimeError as error:
            return item[0], str(error)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, (name, record) in enumerate(pool.map(attempt, environments.items())):
            progress = f"[{done + 1}/{len(environments)}] {name}"
            if isinstance(record, str):
                print(f"{progress}: cannot be run: {record}", flush=True)
                # An interpreter that is not here is no news about the packages.
                if "No interpreter found" not in record:
                    problems.append(name)
                continue
            count = len(record.approaches) * len(CHECKS)
            cells += count
            print(f"{progress}: {count} cells{commit(record)}", flush=True)
            if (approaches or recipes) and name in declared:
                before = old.get(name, record)
                parts = ["recipes", "snippets"] if recipes else ["approaches"]
                merged = {p: getattr(before, p) | getattr(record, p) for p in parts}
                record = replace(before, **merged)
            if approaches or name not in declared:
                print("\n".join(table(described([]), record)))
            if name not in declared:
                release = old[f"flask-admin=={newest()}"]
                news = [*differences(name, record, release, approaches, recipes)]
                print(*news, sep="\n", flush=True)
                turns += news
            elif name in old:
                turns += turned(name, asdict(old[name]), asdict(record))
            if name in declared:
                new[name] = record

    print(f"{cells} cells in {time.monotonic() - start:.0f} s")
    if check:
        print(*turns, sep="\n")
    elif declared.keys() & environments.keys():
        kept = [record for name, record in new.items() if name in declared]
        everything = content(APPROACHES, dict(claims.recipes()))
        rests = {n: key for n, key in known.content.items() if n in everything}
        # One release alone does not speak for the others.
        if not problems and len(words) == len(approaches) + len(recipes):
            rests |= content(approaches, recipes) if words else everything
        results.write_compatibility(described(kept, sorted(rests.items())))
    if problems:
        sys.exit(f"compatibility: could not be run: {', '.join(problems)}")
    if turns and (check or not declared.keys() & environments.keys()):
        sys.exit(f"compatibility: {len(turns)} cells differ from what was measured")


if __name__ == "__main__":
    main(sys.argv[1:])
