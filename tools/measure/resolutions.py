"""What pip resolves today for the lines of data/claims/resolutions.toml: does it work?

Usage: ``nox -s measure -- resolutions`` resolves anew, writes what it found with its
date, and exits with 1 when an outcome turned. ``nox -s check -- resolutions`` installs
the versions that were recorded, to see whether they still say the same.
"""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from tempfile import TemporaryDirectory

from tools import claims, results
from tools.measure.contract import CHECKS, NOT_REACHED, OK, SURFACE
from tools.paths import ROOT

PYTHON = "3.13"
APPROACHES = {
    "Flask-SQLAlchemy-Lite": "snippets.workarounds.proxy_sqlalchemy:add_views",
    "Flask-SQLAlchemy": "snippets.workarounds.flask_sqlalchemy:add_views_by_session",
}
# The contract reads pages with it; it asks for nothing that the admin has.
TOOLS = ["beautifulsoup4"]


def call(*command, **options):
    """Run a command and return what it printed.

    :raises RuntimeError: with its own words when it fails.
    """
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(" ".join(done.stderr.split())[-400:])
    return done.stdout


def attempt(requirements):
    """Install requirements in a new environment and put the approaches to the contract.

    :return: the versions that were installed, and what each library says.
    :raises RuntimeError: when they cannot be installed.
    """
    with TemporaryDirectory() as folder:
        python = f"{folder}/env/bin/python"
        call("uv", "venv", "-q", "--python", PYTHON, "--no-project", f"{folder}/env")
        install = ["uv", "pip", "install", "-q", "--python", python]
        call(*install, *requirements)
        packages = json.loads(
            call("uv", "pip", "list", "-q", "--format", "json", "--python", python)
        )
        call(*install, *TOOLS)
        ask = [python, "-W", "ignore", "-m", "tools.measure.ask", folder]
        done = subprocess.run(
            [*ask, *APPROACHES.values()], cwd=ROOT, capture_output=True, text=True
        )
    if done.returncode:
        # Flask-Admin is not imported: nothing was asked.
        error = re.sub(r" \(/.*\)$", "", done.stderr.strip().splitlines()[-1])
        says = dict.fromkeys(APPROACHES, error)
    else:
        says = {
            library: verdict(json.loads(done.stdout)[wiring])
            for library, wiring in APPROACHES.items()
        }
    return {
        "packages": {each["name"]: each["version"] for each in packages},
        "says": says,
    }


def verdict(outcomes):
    """What the first check of the admin surface says that fails."""
    for name, text in outcomes.items():
        surface = name == "import" or CHECKS[name].group == SURFACE
        if surface and text not in (OK, NOT_REACHED):
            return text.splitlines()[0]
    return "works"


def measure(claim):
    found = {"requirements": claim["requirements"], **attempt(claim["requirements"])}
    if "cure" in claim:
        names = {name.partition(">")[0] for name in claim["cure"] if ">" in name}
        kept = [n for n in claim["requirements"] if n.partition("<")[0] not in names]
        found["cure"] = {"add": claim["cure"], **attempt([*kept, *claim["cure"]])}
    return found


def replay(recorded):
    """The same line with the versions of the record."""
    pins = [f"{name}=={version}" for name, version in recorded["packages"].items()]
    return recorded | attempt(pins)


def outcomes(installs):
    """What each line says, with and without its cure, as ``{line: text}``."""
    found = {}
    for each in installs:
        line = " ".join(each["requirements"])
        for part, name in ((each, line), (each.get("cure"), f"{line}, cured")):
            if part:
                found |= {f"{name} · {lib}": t for lib, t in part["says"].items()}
    return found


def main(arguments):
    if arguments not in ([], ["--check"]):
        sys.exit("resolutions: takes nothing, or --check")
    there = results.path("resolutions").exists()
    old = results.resolutions() if there else {"installs": []}
    with ThreadPoolExecutor() as pool:
        try:
            if arguments:
                new = [
                    each | ({"cure": replay(each["cure"])} if "cure" in each else {})
                    for each in pool.map(replay, old["installs"])
                ]
            else:
                new = list(pool.map(measure, claims.read("resolutions")["install"]))
        except (OSError, RuntimeError) as error:
            sys.exit(f"resolutions: cannot be installed: {error}")
    before, after = outcomes(old["installs"]), outcomes(new)
    for name, text in after.items():
        print(f"{name}: {text}")
    turned = [name for name in before if before[name] != after.get(name)]
    if not arguments:
        data = {"date": date.today().isoformat(), "python": PYTHON, "installs": new}
        results.write("resolutions", data)
    if turned:
        sys.exit("resolutions: turned since: " + "; ".join(turned))


if __name__ == "__main__":
    main(sys.argv[1:])
