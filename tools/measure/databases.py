"""Ask the approaches that work to the contract on PostgreSQL and MariaDB.

Usage: ``nox -s measure -- databases``; ``nox -s check -- databases`` compares. Both
take recipes (``recipes/tenants``), to run only these. Servers are started for the run.
What a check says, and how many tests of each recipe pass on the newest release, goes
to data/results/databases.json.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from tools import claims, results, verdicts
from tools.measure import compatibility, evidence
from tools.measure.contract import CHECKS, NOT_REACHED, OK
from tools.measure.reliability.databases import DATABASES
from tools.measure.reliability.postgres import NoServer
from tools.paths import ROOT

# The oldest release, one of the middle, and the newest.
RELEASES = ["1.6.1", "2.0.2", compatibility.newest()]
DRIVERS = ["psycopg", "psycopg-binary", "pymysql", "psutil"]


def wirings(release):
    """The approaches that do not fail on SQLite, by what the contract loads."""
    known = results.compatibility()
    for name, about in claims.approaches().items():
        if verdicts.state(known, name, release) != verdicts.FAILS:
            yield about["wiring"], name


def python(release, folder, packages):
    """The command that is Python with a release of Flask-Admin."""
    if release == compatibility.newest():
        return [sys.executable]
    wanted = replace(claims.environments()[f"flask-admin=={release}"], recipes=False)
    return compatibility.python(wanted, folder, packages)


def ask(release, module, url, names):
    with tempfile.TemporaryDirectory() as folder:
        command = [*python(release, folder, DRIVERS), "-W", "ignore"]
        command += ["-m", f"tools.measure.{module}", url, *names]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=compatibility.environ(),
            capture_output=True,
            text=True,
        )
    if done.returncode:
        said = done.stderr.strip()[-300:]
        sys.exit(f"databases: {module} on Flask-Admin {release} ended with {said}")
    return json.loads(done.stdout.splitlines()[-1])


def contract(release, url):
    """The checks that each approach fails, with what they said."""
    names = dict(wirings(release))
    outcomes = ask(release, "ask", url, names)
    for wiring, more in ask(release, "overlap", url, names).items():
        outcomes[wiring] |= more
    return {
        name: {
            check: outcomes[wiring][check].splitlines()[0]
            for check in CHECKS
            if outcomes[wiring].get(check, OK) not in (OK, NOT_REACHED)
        }
        for wiring, name in names.items()
    }


def recipes(url, names):
    """How many tests of each recipe pass on a server, which fail, what is left out.

    The removal tests, which ask whether a test can fail, are not run again.
    """
    paths = [f"tests/recipes/test_{name}.py" for name in names]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += [*paths, f"--server={url}", "-k", "not removal"]
        command.append(f"--junitxml={report}")
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode not in (0, 1):
            sys.exit(f"databases: the recipes end with {done.stdout.strip()[-300:]}")
        cases = [*ElementTree.parse(report).iter("testcase")]  # noqa: S314
    fresh, found = compatibility.content([], names), {}
    for name in names:
        cell = {"content": fresh[f"recipes/{name}"], "passed": 0}
        cell |= {"failed": [], "left out": []}
        for case in cases:
            if case.get("classname") != f"tests.recipes.test_{name}":
                continue
            outcome = case.find("*")
            if outcome is None:
                cell["passed"] += 1
            elif outcome.tag == "skipped":
                cell["left out"].append(outcome.get("message"))
            else:
                cell["failed"].append(case.get("name"))
        # Without a test that takes a database, it was not run.
        if cell["passed"] or cell["failed"]:
            found[name] = cell
    return found


def measure(releases, names):
    """What the contract says on some releases, and the tests of some recipes."""
    failed, programs = {release: {} for release in releases}, {}
    for title, module in DATABASES.items():
        try:
            with module.running() as server:
                url = server.url.render_as_string(hide_password=False)
                for release in releases:
                    failed[release][title] = contract(release, url)
                    for name, said in failed[release][title].items():
                        passed = f"{len(CHECKS) - len(said)} of {len(CHECKS)}"
                        print(f"{title} · {release} · {name}: {passed}", flush=True)
                programs[title] = recipes(url, names)
        except NoServer as error:
            sys.exit(f"databases: {error}")
        for name, cell in programs[title].items():
            passed = f"{cell['passed']} passed, {len(cell['failed'])} failed"
            print(f"{title} · recipes/{name}: {passed}", flush=True)
    return {"failed": failed, "recipes": programs}


def main(arguments):
    words = [word.removeprefix("recipes/") for word in arguments if word != "--check"]
    words = [word.replace("-", "_") for word in words]
    known = [name for name, _ in claims.recipes()]
    if unknown := {*words} - {*known}:
        sys.exit(f"databases: {min(unknown)!r} is no recipe")
    found = measure([] if words else RELEASES, words or known)
    if words:
        old = results.databases()
        cells = {
            title: old["recipes"][title] | found["recipes"][title]
            for title in found["recipes"]
        }
        found = old | {"recipes": cells}
    else:
        record = compatibility.new_record()
        about = {"python": record["python"], "packages": record["packages"]}
        found |= {"content": evidence.of("databases")} | about
    if "--check" not in arguments:
        results.write("databases", found)
        return
    pair = [
        {k: each[k] for k in ("failed", "recipes")}
        for each in (results.databases(), found)
    ]
    if turns := list(compatibility.turned("databases", *pair)):
        print(*turns, sep="\n")
        sys.exit(f"databases: {len(turns)} cells differ from what was measured")


if __name__ == "__main__":
    main(sys.argv[1:])
