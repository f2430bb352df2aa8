"""Put approaches to the contract from the command line, and print what they say.

Usage: ``python -m tools.measure.ask PLACE MODULE:FUNCTION ...``, which prints
``{wiring: {check: outcome}}`` as JSON. The place is a folder for SQLite files, or the
address of a server: each check gets a database of its own there.
"""

import gc
import json
import sys
from contextlib import contextmanager
from itertools import count

from tools.measure.approaches import load
from tools.measure.contract import CHECKS, describe, judge


@contextmanager
def files(folder, numbers=count()):  # noqa: B008
    yield f"sqlite:///{folder}/{next(numbers)}.db?timeout=1"


def databases(place):
    """A context manager that gives the address of an empty database."""
    if "://" not in place:
        return lambda: files(place)
    # The environments of the matrix have no drivers.
    from tools.measure.reliability.databases import server

    return server(place).database


def asked(approach, name, database):
    with database() as url:
        outcome = judge(approach, name, url)
        # What a broken approach kept goes before its database does.
        gc.collect()
    return outcome


def main(place, *wirings, process=None):
    database = databases(place)
    outcomes = {}
    for wiring in wirings:
        try:
            approach = load(wiring)
        except ImportError as error:
            outcomes[wiring] = {"import": describe(error)}
            continue
        outcomes[wiring] = {
            name: asked(approach, name, database)
            for name, check in CHECKS.items()
            if check.process == process
        }
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(*sys.argv[1:])
