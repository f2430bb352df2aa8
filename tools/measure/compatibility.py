"""The compatibility matrix: run the contract in each environment of matrix.toml.

Usage: ``nox -s measure -- compatibility [NAME ...]``

A NAME is an environment or an approach of matrix.toml, or any requirement that pip
takes (``flask-admin==3.0.0``, ``flask-admin@path``). Without one, all are run.
Declared environments are written to data/results/compatibility.json; with
``--check`` they are held against it. What a requirement of your own gives is printed.
"""

import importlib
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from tools.measure.contract import CHECKS
from tools.paths import ROOT

RESULTS = ROOT / "data/results/compatibility.json"
DATA = tomllib.loads((ROOT / "data/claims/matrix.toml").read_text("utf-8"))
APPROACHES = DATA["approaches"]
RECORD = pytest.StashKey[dict]()
OK, NOT_REACHED = "ok", "not reached"
LIBRARIES = ["Flask-Admin", "Flask-SQLAlchemy-Lite", "Flask-SQLAlchemy"]
PACKAGES = [*LIBRARIES, "Flask", "SQLAlchemy", "Werkzeug", "WTForms"]
SWITCHES = {"python", "free", "recipes"}
TOOLS = ["pytest", "pytest-sphinx", "beautifulsoup4", "packaging"]


def installed(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def installed_approaches():
    """The approaches whose library is installed."""
    return [
        name
        for name, approach in APPROACHES.items()
        if installed(approach.get("needs", "Flask-SQLAlchemy-Lite"))
    ]


def factory(approach):
    module, function = APPROACHES[approach]["app"].split(":")
    return getattr(importlib.import_module(module), function)


def results():
    return json.loads(RESULTS.read_text("utf-8"))


def committed_cell(approach):
    """What the results file holds for the Flask-Admin release that is installed."""
    environment = results()["environments"][f"flask-admin=={installed('Flask-Admin')}"]
    return environment["approaches"][approach]


def committed(approach, check):
    failed = committed_cell(approach)["failed"]
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
    }


def condense(record):
    """Keep what failed: the rest of the checks passed, and all were run."""
    for name, outcomes in record["approaches"].items():
        missing = CHECKS.keys() - outcomes.keys()
        if missing:
            raise ValueError(f"{name}: not run: {', '.join(sorted(missing))}")
        failed = {
            check: text
            for check, text in outcomes.items()
            if text not in (OK, NOT_REACHED)
        }
        passed = sum(text == OK for text in outcomes.values())
        record["approaches"][name] = {
            "passed": passed,
            "failed": failed,
        } | record["construction"][name]
    del record["construction"]
    return record


def requirements(changes):
    """What to install: requirements.txt with ``changes``, and what only limits it."""
    pins = {}
    for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines():
        if match := re.match(r"[\w.-]+(?===)", line):
            pins.setdefault(match[0], []).append(line)
    names = [*map(str.lower, LIBRARIES), *TOOLS, *changes]
    if changes.get("recipes"):
        direct = (ROOT / "requirements.in").read_text("utf-8")
        names += re.findall(r"^[\w.-]+", direct, re.MULTILINE)
    lines = []
    for name in dict.fromkeys(names):
        change = changes.get(name)
        if change is None:
            lines += pins[name]
        elif change and name not in SWITCHES:
            lines.append(change if re.search("[=@<>]", change) else f"{name}=={change}")
    limits = [] if changes.get("free") else pins.keys() - changes.keys()
    return lines, [line for name in limits for line in pins[name]]


def recipes():
    """The module name of each recipe, with the front matter of its page."""
    # The environments that are measured need not have it.
    import yaml

    for page in sorted((ROOT / "docs/recipes").glob("*.md")):
        if page.stem != "index":
            front = page.read_text("utf-8").split("---\n")[1]
            yield page.stem.replace("-", "_"), yaml.safe_load(front)


def recipe_tests(release):
    """The tests of the recipes that claim a Flask-Admin release."""
    for name, about in recipes():
        if SpecifierSet(about["works"]).contains(release, prereleases=True):
            yield f"tests/recipes/test_{name}.py"


def run(changes, approaches):
    """Run one environment and return its record.

    :raises RuntimeError: with uv's or pytest's own words when it cannot be made.
    """
    with tempfile.TemporaryDirectory() as folder:
        lines, constraints = requirements(changes)
        record = Path(folder, "record.json")
        wanted = Path(folder, "requirements.txt")
        wanted.write_text("\n".join(["-c constraints.txt", *lines]))
        Path(folder, "constraints.txt").write_text("\n".join(constraints))
        command = [
            "uv",
            "run",
            "--quiet",
            "--isolated",
            "--no-project",
            "--no-python-downloads",
        ]
        command += ["--python", changes.get("python", "3.11")]
        command += ["--with-requirements", wanted, "python", "-m", "pytest", "-q"]
        command += [
            "--continue-on-collection-errors",
            "-p",
            "no:cacheprovider",
            "-W",
            "ignore",
        ]
        command += ["--record", record, *[f"--approach={name}" for name in approaches]]
        command += ["snippets", "tests/test_contract.py"]
        if changes.get("recipes") and not approaches:
            command += ["tests/test_findings.py", *recipe_tests(changes["flask-admin"])]
        environment = {
            key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"
        }
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True
        )
        if not record.exists():
            words = [line for line in done.stderr.splitlines() if line.strip()]
            raise RuntimeError(" ".join(" ".join(words or ["no output"]).split()))
        return json.loads(record.read_text("utf-8"))


def table(name, record):
    """One environment as lines of text."""
    yield f"{name}"
    for approach, cell in record["approaches"].items():
        sign = "FAILS" if cell["failed"] else "works"
        yield f"  {sign}  {approach} ({cell['passed']} of {len(CHECKS)})"
        for check, text in cell["failed"].items():
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


def select(names):
    """Sort the command line's words into environments and approaches.

    :raises SystemExit: for a word that is neither and no requirement.
    """
    environments, approaches = {}, []
    for name in names:
        if name in APPROACHES:
            approaches.append(name)
        elif name in DATA["environments"]:
            environments[name] = DATA["environments"][name]
        else:
            package, _, path = name.partition("@")
            if path and Path(path.strip()).exists():
                name = f"{package.strip()} @ {Path(path.strip()).resolve().as_uri()}"
            try:
                environments[name] = {Requirement(name).name.lower(): name}
            except InvalidRequirement:
                sys.exit(
                    f"matrix: {name!r} is no environment and no approach of "
                    "data/claims/matrix.toml, and no requirement that pip takes"
                )
    return environments or DATA["environments"], approaches


def main(arguments):
    check = "--check" in arguments
    environments, approaches = select([name for name in arguments if name != "--check"])
    old = results()["environments"] if RESULTS.exists() else {}
    new, problems, turns = dict(old), [], []
    start, cells = time.monotonic(), 0

    def attempt(item):
        try:
            return item[0], run(item[1], approaches)
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
            count = len(record["approaches"]) * len(CHECKS)
            cells += count
            print(f"{progress}: {count} cells", flush=True)
            if name not in DATA["environments"]:
                print("\n".join(table(name, record)))
            elif approaches:
                before = old.get(name, record)
                merged = before["approaches"] | record["approaches"]
                record = before | {"approaches": merged}
                print("\n".join(table(name, record)))
            if name in old:
                turns += turned(name, old[name], record)
            if name in DATA["environments"]:
                new[name] = record

    print(f"{cells} cells in {time.monotonic() - start:.0f} s")
    if check:
        print(*turns, sep="\n")
    else:
        new = {name: new[name] for name in DATA["environments"] if name in new}
        checks = {name: check.__doc__ for name, check in CHECKS.items()}
        approaches = {
            name: {key: approach[key] for key in ("title", "page")}
            for name, approach in APPROACHES.items()
        }
        parts = {"checks": checks, "approaches": approaches, "environments": new}
        text = json.dumps(parts, indent=1)
        RESULTS.write_text(text + "\n", "utf-8")
    if problems:
        sys.exit(f"matrix: could not be run: {', '.join(problems)}")
    if check and turns:
        sys.exit(
            f"matrix: {len(turns)} cells differ from data/results/compatibility.json"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
