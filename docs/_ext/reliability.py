"""What the pages say about load, faults and mutants, read from docs/*.json alone."""

import json
from pathlib import Path

RESULTS = Path(__file__).parent.parent.parent / "data/results/reliability.json"
MUTANTS = RESULTS.with_name("mutants.json")
WORKS, FAILS = "✓", "✗"


class Reliability:
    """The last recorded run of tests/reliability."""

    def __init__(self):
        for part, found in json.loads(RESULTS.read_text("utf-8")).items():
            setattr(self, part, found)
        self.mutants = json.loads(MUTANTS.read_text("utf-8"))

    @property
    def survivors(self):
        """Each statement that no test misses: program, text, why it stays."""
        return [
            (name, text, reason)
            for name, cell in self.mutants.items()
            for text, reason in cell["survived"].items()
        ]

    @property
    def approaches(self):
        """The approaches that were put under load."""
        return list(self.input)

    @property
    def broken(self):
        """The approach that shows what the run can see."""
        return next(name for name in self.load["gunicorn"] if name not in self.input)

    def total(self, key="requests"):
        """A count over all servers and approaches."""
        return sum(
            cell.get(key, 0) for cells in self.load.values() for cell in cells.values()
        )

    def cases(self):
        return sum(cell["cases"] for cell in self.input.values())

    def tries(self):
        """How often a fault was brought about in an approach that works."""
        return sum(
            cell["times"]
            for cells in self.faults.values()
            for name, cell in cells.items()
            if name in self.input
        )

    def outcomes(self, title):
        """What a fault did, approaches with the same outcome joined."""
        found = {}
        for name, cell in self.faults[title].items():
            sign = WORKS if cell["then"] == "works" else FAILS
            outcome = cell["seen"], f"{sign} {cell['then']}"
            found.setdefault(outcome, []).append(name)
        for (seen, then), names in found.items():
            yield {"seen": seen, "then": then, "approaches": names}
