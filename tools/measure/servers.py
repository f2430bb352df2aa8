"""Run the approaches on the servers of production, where two clients always overlap.

Usage: ``nox -s measure -- servers``; ``nox -s check -- servers`` compares. Both take
releases of Flask-Admin and approaches of data/claims, to run only these.
Each request of one client waits inside of the application for the same request of the
other one, in its transaction and at its end. What the clients were told is then held
against the tables of PostgreSQL, and written to data/results/servers.json.
"""

import json
import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection

from tools import results
from tools.measure import compatibility, evidence
from tools.measure.databases import RELEASES, python, wirings
from tools.measure.production.clients import Meeting, Paired, expected, rows
from tools.measure.production.serving import BARE, SECONDS, SERVERS, probes, serving
from tools.measure.reliability import postgres
from tools.measure.reliability.approaches import BROKEN
from tools.measure.reliability.load import Ledger
from tools.paths import ROOT

PACKAGES = ["gunicorn", "gevent", "waitress", "uvicorn", "a2wsgi", "asgiref", "psycopg"]
ERROR = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception)\b.*", re.MULTILINE)


def cell(server, kind, approach, rounds=(1,), number=2):
    """What two clients found: how many requests were answered, or what failed.

    :param number: how many clients; one alone meets nobody.
    """
    ledger, meeting, barrier = Ledger(), Meeting(), threading.Barrier(number)
    port = meeting.port if number > 1 else None
    starts, kept = False, 0
    with server.database() as url, tempfile.TemporaryFile("w+") as log:
        with serving(kind, approach, url, log, meeting=port) as ports:
            clients = [
                Paired(meeting, kind.closes, n, ports[-n], rounds, barrier, ledger)
                for n in range(number)
            ]
            try:
                starts = bool(probes(kind, ports))
                for client in clients:
                    client.start()
                for client in clients:
                    client.join()
                kept = sum(said["out"] for said in probes(kind, ports))
                kept = kept or server.in_transaction(url)
            except OSError as error:
                ledger.errors[f"no answer: {error}"] += 1
        found, told = Counter(rows(url)), Counter(expected(ledger))
        log.seek(0)
        logged = ERROR.findall(log.read())
    steps = set.union(*(client.steps for client in clients))
    failed = {
        "does not start": not starts,
        "requests fail": starts and ledger.errors,
        "the log has an error": logged and not ledger.errors,
        "requests share a session": any(n > 1 for n in ledger.sessions.values()),
        "a confirmed row is not there": told - found,
        "a refused row is there": found - told,
        "connections are kept": kept,
        "requests did not overlap": port and steps - meeting.met and not ledger.errors,
    }
    failed = [text for text, seen in failed.items() if seen]
    if not failed:
        return {"requests": ledger.requests}
    return {"failed": failed, "why": [*logged, *ledger.errors, ""][0]}


def keep_alive():
    """What asgiref's adapter says on a connection that it has used, without Flask."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w+") as log:
        place = f"sqlite:///{folder}/unused.db"
        with serving(BARE, BROKEN, place, log) as (port,):
            connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
            for method in ["GET", "POST"] * 5:
                connection.request(method, "/", "a=1" if method == "POST" else None)
                connection.getresponse().read()
            connection.close()
        log.seek(0)
        return next(iter(ERROR.findall(log.read())), "")


def here(url, *names):
    """Every cell of the Flask-Admin that is installed here, or of some approaches."""
    server = postgres.Server(url)
    release = compatibility.installed("Flask-Admin")
    known = [*(name for _, name in wirings(release)), BROKEN]

    def cells(kind):
        return {n: cell(server, kind, n) for n in known if n in names or not names}

    # Most of a cell is a server that starts.
    with ThreadPoolExecutor(len(SERVERS)) as pool:
        return dict(zip(SERVERS, pool.map(cells, SERVERS.values()), strict=True))


def ask(release, url, names):
    """The cells of a release, from an environment that has it."""
    more = [*PACKAGES, "psycopg-binary", "psutil"]
    with tempfile.TemporaryDirectory() as folder:
        command = [*python(release, folder, more), "-W", "ignore", "-m"]
        done = subprocess.run(
            [*command, "tools.measure.servers", url, *names],
            cwd=ROOT,
            env=compatibility.environ(),
            capture_output=True,
            text=True,
        )
    if done.returncode:
        sys.exit(f"servers: Flask-Admin {release}: {done.stderr.strip()[-300:]}")
    found = json.loads(done.stdout.splitlines()[-1])
    for title, cells in found.items():
        for name, each in cells.items():
            print(f"{release} · {title} · {name}: {each}", flush=True)
    return found


def measure(releases, names):
    try:
        with postgres.running() as server:
            url = server.url.render_as_string(hide_password=False)
            asked = {release: ask(release, url, names) for release in releases}
            version = server.version
    except postgres.NoServer as error:
        sys.exit(f"servers: {error}")
    record = compatibility.new_record()
    packages = record["packages"] | versions() | {"PostgreSQL": version}
    data = {"content": evidence.of("servers"), "python": record["python"]}
    data |= {"packages": packages, "keep_alive": keep_alive()}
    return data | {"releases": asked}


def versions():
    return {name: compatibility.installed(name) for name in PACKAGES}


def verdicts(data):
    """Which cells hold: how a broken approach fails may differ from run to run."""
    return {
        release: {
            title: {
                name: "fails" if "failed" in each else "holds"
                for name, each in cells.items()
            }
            for title, cells in found.items()
        }
        for release, found in data["releases"].items()
    }


def merged(old, new):
    """Results with the cells that were not measured now, if those were done alike."""
    if {**old, "releases": 0} != {**new, "releases": 0}:
        return new
    found = {}
    for release in RELEASES:
        pair = [each["releases"].get(release, {}) for each in (old, new)]
        if any(pair):
            found[release] = {
                title: pair[0].get(title, {}) | pair[1].get(title, {})
                for title in SERVERS
            }
    return new | {"releases": found}


def main(arguments):
    if arguments and "://" in arguments[0]:
        print(json.dumps(here(*arguments)))
        return
    check = "--check" in arguments
    words = [name for name in arguments if name != "--check"]
    releases = [name for name in words if name in RELEASES]
    names = [name for name in words if name in compatibility.APPROACHES]
    if unknown := {*words} - {*releases, *names}:
        sys.exit(
            f"servers: {min(unknown)!r} is no approach of data/claims and none of the "
            f"releases {', '.join(RELEASES)}"
        )
    found = measure(releases or RELEASES, names)
    exists = results.path("servers").exists()
    old = results.servers() if exists else found
    if not check:
        results.write("servers", merged(old, found))
        return
    old, new = (dict(compatibility.flat(verdicts(each))) for each in (old, found))
    old = {cell: said for cell, said in old.items() if cell in new}
    if turns := list(compatibility.turned("servers", old, new)):
        print(*turns, sep="\n")
        sys.exit(f"servers: {len(turns)} cells differ from what was measured")


if __name__ == "__main__":
    main(sys.argv[1:])
