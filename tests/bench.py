"""Time a list page under each approach that works, interleaved, as ratios.

Usage: ``nox -s bench -- [ROUNDS]``
"""

import json
import statistics
import sys
import tempfile
import time
import warnings

from tests import matrix
from tests.surface import Surface

OUTPUT = matrix.ROOT / "docs/overhead.json"


def main(rounds=300):
    warnings.simplefilter("ignore")
    release = f"flask-admin=={matrix.installed('Flask-Admin')}"
    cells = matrix.results()["environments"][release]["approaches"]
    names = [name for name, cell in cells.items() if not cell["failed"]]
    with tempfile.TemporaryDirectory() as folder:
        surfaces = {
            name: Surface(matrix.factory(name), f"sqlite:///{folder}/{name}.db")
            for name in names
        }
        for surface in surfaces.values():
            # The probes of the contract would be part of the time.
            surface.close()
            surface.get("/admin/user/")
        times = {name: [] for name in names}
        for _ in range(rounds):
            for name, surface in surfaces.items():
                start = time.perf_counter()
                surface.get("/admin/user/")
                times[name].append(time.perf_counter() - start)
    first = names[0]
    ratios = {}
    for name in names:
        each = [a / b for a, b in zip(times[name], times[first], strict=True)]
        low, middle, high = statistics.quantiles(each, n=4)
        ratios[name] = [round(low, 2), round(middle, 2), round(high, 2)]
        print(f"{name:30} {ratios[name][1]:.2f}  ({low:.2f} to {high:.2f})")
    note = f"the median and the middle half of {rounds} interleaved rounds on SQLite"
    text = json.dumps({"note": note, "ratios": ratios}, indent=1)
    OUTPUT.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
