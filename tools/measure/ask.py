"""Put approaches to the contract from the command line, and print what they say.

Usage: ``python -m tools.measure.ask FOLDER MODULE:FUNCTION ...``, which prints
``{wiring: {check: outcome}}`` as JSON. Databases are made in the folder.
"""

import json
import sys
from itertools import count

from tools.measure.approaches import load
from tools.measure.contract import CHECKS, describe, judge


def main(folder, *wirings, process=None):
    numbers = count()
    outcomes = {}
    for wiring in wirings:
        try:
            approach = load(wiring)
        except ImportError as error:
            outcomes[wiring] = {"import": describe(error)}
            continue
        outcomes[wiring] = {
            name: judge(
                approach, name, f"sqlite:///{folder}/{next(numbers)}.db?timeout=1"
            )
            for name, check in CHECKS.items()
            if check.process == process
        }
    print(json.dumps(outcomes))


if __name__ == "__main__":
    main(*sys.argv[1:])
