"""Write the table of approaches into README.md: ``nox -s build -- readme``."""

import re
import sys

from tools.paths import ROOT

README = ROOT / "README.md"
TABLE = re.compile(r"\| Flask-Admin \|.*?\n\n", re.DOTALL)
HEADER = """\
| Flask-Admin | With Flask-SQLAlchemy-Lite, write | Without Flask-SQLAlchemy installed |
|---|---|---|
"""


def recommendations():
    """``(releases, approach, approach without Flask-SQLAlchemy)``, as Markdown."""
    sys.path.insert(0, str(ROOT / "docs/_ext"))
    from verdicts import Verdicts

    guide = Verdicts()
    for releases, name, alone in guide.recommendations():
        same = "the same" if alone == name else alone and guide.link(alone, "docs")
        none = "fails: install `flask-sqlalchemy` too, you need not use it"
        yield releases, guide.link(name, "docs"), same or none


def table():
    rows = (f"| {' | '.join(row)} |\n" for row in recommendations())
    return HEADER + "".join(rows) + "\n"


def main():
    text = README.read_text("utf-8")
    README.write_text(TABLE.sub(lambda found: table(), text), "utf-8")


if __name__ == "__main__":
    main()
