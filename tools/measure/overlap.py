"""Put approaches to the checks that need a process which gevent has patched.

Usage: ``python -m tools.measure.overlap FOLDER MODULE:FUNCTION ...``, which prints
``{wiring: {check: outcome}}`` as JSON.
"""

from gevent import monkey

# Before anything else is imported: who has a lock keeps it.
monkey.patch_all()

import json  # noqa: E402
import sys  # noqa: E402
from itertools import count  # noqa: E402

from tools.measure.approaches import load  # noqa: E402
from tools.measure.contract import CHECKS, judge  # noqa: E402


def main(folder, *wirings):
    names = [name for name, check in CHECKS.items() if check.process == "gevent"]
    numbers = count()
    outcomes = {
        wiring: {
            name: judge(load(wiring), name, f"sqlite:///{folder}/{next(numbers)}.db")
            for name in names
        }
        for wiring in wirings
    }
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(*sys.argv[1:])
