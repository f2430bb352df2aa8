"""Write the table of approaches into README.md: ``nox -s build -- readme``."""

import re

from tools import claims, results, verdicts
from tools.paths import ROOT

README = ROOT / "README.md"
TABLE = re.compile(r"\| Flask-Admin \|.*?\n\n", re.DOTALL)
HEADER = """\
| Flask-Admin | With Flask-SQLAlchemy-Lite, write | Without Flask-SQLAlchemy installed |
|---|---|---|
"""


def recommendations():
    """``(releases, approach, approach without Flask-SQLAlchemy)``, as Markdown."""
    found = results.compatibility()

    def link(name):
        about = found.approaches[name]
        return f"[{about.title}](docs/{about.page}.md)"

    for releases, name, alone in verdicts.recommendations(found, claims.lines()):
        same = "the same" if alone == name else alone and link(alone)
        none = "fails: install `flask-sqlalchemy` too, you need not import it"
        yield verdicts.span(found, releases), link(name), same or none


def table():
    rows = (f"| {' | '.join(row)} |\n" for row in recommendations())
    return HEADER + "".join(rows) + "\n"


def main():
    text = README.read_text("utf-8")
    README.write_text(TABLE.sub(lambda found: table(), text), "utf-8")


if __name__ == "__main__":
    main()
