"""Ask the approaches that work to the contract on PostgreSQL and MariaDB.

Usage: ``nox -s measure -- databases``; ``nox -s check -- databases`` compares.
Servers are started for the run. What a check says goes to data/results/databases.json.
"""

import json
import subprocess
import sys

from tools import claims, results, verdicts
from tools.measure import compatibility, evidence
from tools.measure.contract import CHECKS, NOT_REACHED, OK
from tools.measure.reliability.databases import DATABASES
from tools.measure.reliability.postgres import NoServer
from tools.paths import ROOT


def wirings():
    """The approaches that do not fail on SQLite, by what the contract loads."""
    known = results.compatibility()
    release = compatibility.installed("Flask-Admin")
    for name, about in claims.approaches().items():
        if verdicts.state(known, name, release) != verdicts.FAILS:
            yield about["wiring"], name


def ask(module, url, names):
    command = [sys.executable, "-W", "ignore", "-m", f"tools.measure.{module}"]
    done = subprocess.run(
        [*command, url, *names], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"databases: {module} ended with {done.stderr.strip()[-300:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure():
    names, found = dict(wirings()), {}
    for title, module in DATABASES.items():
        try:
            with module.running() as server:
                url = server.url.render_as_string(hide_password=False)
                outcomes = ask("ask", url, names)
                for wiring, more in ask("overlap", url, names).items():
                    outcomes[wiring] |= more
        except NoServer as error:
            sys.exit(f"databases: {error}")
        found[title] = {
            name: {
                check: outcomes[wiring][check].splitlines()[0]
                for check in CHECKS
                if outcomes[wiring].get(check, OK) not in (OK, NOT_REACHED)
            }
            for wiring, name in names.items()
        }
        for name, failed in found[title].items():
            print(f"{title} · {name}: {len(CHECKS) - len(failed)} of {len(CHECKS)}")
    record = compatibility.new_record()
    kept = {"python": record["python"], "packages": record["packages"]}
    return {"content": evidence.of("databases")} | kept | {"failed": found}


def main(arguments):
    check = arguments == ["--check"]
    if arguments and not check:
        sys.exit(f"databases: takes --check or nothing, not {' '.join(arguments)!r}")
    found = measure()
    if not check:
        results.write("databases", found)
        return
    old = results.databases()["failed"]
    if turns := list(compatibility.turned("databases", old, found["failed"])):
        print(*turns, sep="\n")
        sys.exit(f"databases: {len(turns)} cells differ from what was measured")


if __name__ == "__main__":
    main(sys.argv[1:])
