"""What the pages say about releases, read from data/results/compatibility.json alone.

A page reaches this as ``guide``: ``{{ guide.verdict("lazy-session") }}``.
"""

import ast
import importlib
import inspect
import json
import re
import sys
from functools import cached_property
from itertools import groupby
from pathlib import Path

import reliability
import yaml

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "data/results/compatibility.json"
ERRORS = ROOT / "data/claims/errors.toml"
OVERHEAD = ROOT / "data/results/performance.json"
MATRIX = ROOT / "data/claims/matrix.toml"
RECIPES = sorted(
    {*(ROOT / "docs/recipes").glob("*.md")} - {ROOT / "docs/recipes/index.md"}
)
WORKS, FAILS, WARNS = "✓", "✗", "⚠"


def literal(text):
    """The first line of a message as inline code."""
    line = str(text).splitlines()[0]
    return f"`` {line} ``" if "`" in line else f"`{line}`"


def code_lines(reference):
    """Count the lines of ``module:object`` without blanks, comments and docstrings."""
    module, name = reference.split(":")
    tree = ast.parse(inspect.getsource(getattr(importlib.import_module(module), name)))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body = node.body[1:]
    return sum(bool(line) for line in ast.unparse(tree).splitlines())


class Verdicts:
    def __init__(self):
        results = json.loads(RESULTS.read_text("utf-8"))
        self.checks = results["checks"]
        self.environments = results["environments"]
        self.approaches = tomllib.loads(MATRIX.read_text("utf-8"))["approaches"]
        self.releases = [
            name.removeprefix("flask-admin==")
            for name in self.environments
            if name.startswith("flask-admin==") and "," not in name
        ]

    @property
    def newest(self):
        return self.environments[f"flask-admin=={self.releases[-1]}"]

    def cell(self, approach, release, alone=False):
        """The outcome of an approach on a Flask-Admin release.

        :param alone: with the approach's own library and not the other one.
        :raises KeyError: for an approach or a release that was not run.
        """
        if approach not in self.approaches:
            raise KeyError(f"no approach {approach!r} in data/claims/matrix.toml")
        library = self.approaches[approach].get("needs", "Lite")
        suffix = f", {library} alone" if alone else ""
        environment = self.environments[f"flask-admin=={release}{suffix}"]
        return environment["approaches"][approach]

    def passes(self, approach, release, alone=False):
        return not self.cell(approach, release, alone)["failed"]

    def failure(self, approach, release, alone=False):
        """The first thing that a failing approach says, one line."""
        failed = self.cell(approach, release, alone)["failed"]
        return next((text.splitlines()[0] for text in failed.values()), None)

    def works_on(self, approach, alone=False):
        return [r for r in self.releases if self.passes(approach, r, alone)]

    def span(self, releases):
        """``1.6.1 to 2.0.2, 2.2.1``: neighbours in the list of releases joined."""
        runs = groupby(
            enumerate(r for r in self.releases), key=lambda pair: pair[1] in releases
        )
        parts = []
        for wanted, run in runs:
            names = [release for _, release in run]
            if wanted:
                joint = " and " if len(names) == 2 else " to "
                parts.append(joint.join(dict.fromkeys([names[0], names[-1]])))
        return ", ".join(parts)

    def verdict(self, approach):
        """The verdict line of a page: where the approach works and how it fails."""
        works = self.works_on(approach)
        lines = (
            [f"{WORKS} **Works** on Flask-Admin {self.span(works)}."] if works else []
        )
        failures = {}
        for release in self.releases:
            if release not in works:
                text = self.failure(approach, release)
                failures.setdefault(text, []).append(release)
        for text, releases in failures.items():
            where = f"on Flask-Admin {self.span(releases)}"
            lines.append(f"{FAILS} **Fails** {where}: {literal(text)}")
        for release in works:
            if not self.passes(approach, release, alone=True):
                text = self.failure(approach, release, alone=True)
                lines.append(
                    f"{FAILS} **Fails** on Flask-Admin {release} where only one of the "
                    f"two SQLAlchemy extensions is installed: {literal(text)}"
                )
        warned = [r for r in works if self.cell(approach, r)["deprecated"]]
        if warned:
            lines.append(
                f"{WARNS} **Warns** on Flask-Admin {self.span(warned)}: "
                f"{literal(self.cell(approach, warned[-1])['deprecated'])}"
            )
        body = "\n".join(f"- {line}" for line in lines)
        return f":::{{admonition}} Verdict\n:class: verdict\n\n{body}\n:::"

    def failures(self, approach, release=None):
        """What fails on one release, the newest if none is named, as a list."""
        failed = self.cell(approach, release or self.releases[-1])["failed"]
        return "\n".join(
            f"- {self.checks[check]} {FAILS} {literal(text)}"
            for check, text in failed.items()
        )

    def observed(self, approach, release):
        """The same, by message: which checks failed with it."""
        said = {}
        for check, text in self.cell(approach, release)["failed"].items():
            said.setdefault(text, []).append(check)
        return "\n".join(
            f"- {FAILS} {literal(text)}: {', '.join(checks)}"
            for text, checks in said.items()
        )

    @staticmethod
    def anchor(approach, release):
        return f"{approach}-on-{release.replace('.', '-')}"

    def mark_link(self, approach, release):
        """The mark of a cell; a failing one leads to what was observed."""
        mark = self.mark(approach, release)
        if self.passes(approach, release):
            return mark
        return f"[{mark}](#{self.anchor(approach, release)})"

    def alone(self, approach, release):
        """The mark with only its own extension, where the outcome is another one."""
        both, alone = (self.cell(approach, release, a) for a in (False, True))
        return "the same" if both == alone else self.mark(approach, release, True)

    def said_alone(self, release):
        """What approaches say with only their own extension and not with both."""
        return {
            self.failure(name, release, alone=True)
            for name in self.approaches
            if self.alone(name, release) == f"{FAILS} fails"
        }

    def lifetime(self, approach):
        """The releases on which requests of an approach share one session."""
        return [
            release
            for release in self.releases
            if "session-per-request" in self.cell(approach, release)["failed"]
            and self.cell(approach, release)["passed"] > len(self.checks) / 2
        ]

    def by_check(self, approach, checks):
        """The outcome of some checks, releases with the same outcome joined."""
        rows = {}
        for release in reversed(self.releases):
            failed = self.cell(approach, release)["failed"]
            built = "construct" not in failed
            cells = tuple(
                f"{FAILS} {literal(failed.get(check) or failed['construct'])}"
                if not built or check in failed
                else f"{WORKS} yes"
                for check in checks
            )
            rows.setdefault(cells, []).append(release)
        return [(self.span(releases), cells) for cells, releases in rows.items()]

    def statements(self):
        """The ledger: each statement with the verdict that the runs gave."""
        text = (ROOT / "data/claims/findings.toml").read_text("utf-8")
        return tomllib.loads(text)["statements"]

    def tally(self, words):
        """How many statements got a verdict that contains these words."""
        verdicts = [self.finding(each["check"]) for each in self.statements()]
        return sum(words in verdict for verdict in verdicts)

    def region_of(self, check):
        """The anchor of the region of snippets/findings.py that asks a question."""
        before = (ROOT / "snippets/findings.py").read_text("utf-8")
        before = before.split(f"\ndef {check}(")[0]
        return f"findings-{before.rsplit('# region ', 1)[1].split()[0]}"

    def finding(self, check):
        """What the runs of one question say, in the words of the ledger.

        :raises KeyError: for a question that a release was not asked.
        """
        true = [
            release
            for release in self.releases
            if self.environments[f"flask-admin=={release}"]["findings"][check]
        ]
        if true == self.releases:
            return f"{WORKS} holds"
        if not true:
            return f"{FAILS} wrong"
        if true == self.releases[: len(true)]:
            return f"{WARNS} held until {true[-1]}"
        return f"{WARNS} true since {true[0]}, wrong before"

    def lines(self, approach):
        """How many lines of code an approach adds to an application."""
        return sum(map(code_lines, self.approaches[approach].get("paste", [])))

    def recommended(self, release, alone=False):
        """The shortest approach with Lite that passes all checks without a warning."""
        good = [
            name
            for name, approach in self.approaches.items()
            if "needs" not in approach
            and self.passes(name, release, alone)
            and not self.cell(name, release, alone)["deprecated"]
        ]
        return min(good, key=self.lines, default=None)

    def mark(self, approach, release, alone=False):
        """One cell of a table, readable without colour."""
        cell = self.cell(approach, release, alone)
        if cell["failed"]:
            return f"{FAILS} fails"
        return f"{WARNS} works, warns" if cell["deprecated"] else f"{WORKS} works"

    def outcome(self, approach, release, alone=False):
        """A mark, and what the approach says where it fails."""
        mark = self.mark(approach, release, alone)
        text = self.failure(approach, release, alone)
        return f"{mark}: {literal(text)}" if text else mark

    def check_passes(self, approach, check):
        """Whether a check passes on the newest release."""
        if check not in self.checks:
            raise KeyError(f"no check {check!r} in the behaviour contract")
        failed = self.cell(approach, self.releases[-1])["failed"]
        return not failed.keys() & {check, "construct"}

    def others(self):
        """The environments that vary something else than Flask-Admin."""
        for name, record in self.environments.items():
            if not name.startswith("flask-admin=="):
                yield name, record

    def difference(self, record):
        """The approaches whose outcome is not the one of the newest release."""
        turned = [
            name
            for name, cell in record["approaches"].items()
            if cell != self.newest["approaches"][name]
        ]
        return (
            f"{FAILS} differs: {', '.join(turned)}" if turned else f"{WORKS} the same"
        )

    @cached_property
    def measured(self):
        """What nox -s measure -- performance found."""
        return json.loads(OVERHEAD.read_text("utf-8"))

    def overhead(self, approach, database="SQLite", size="10000", kind="list"):
        """The time of a request against the first approach, with its spread."""
        low, middle, high = self.measured["ratios"][database][size][kind][approach]
        return f"{middle:.2f} ({low:.2f} to {high:.2f})"

    @staticmethod
    def yes(condition):
        return f"{WORKS} yes" if condition else f"{FAILS} no"

    def link(self, approach, root="."):
        """The title of an approach, linked to its page."""
        page = self.approaches[approach]["page"]
        return f"[{self.approaches[approach]['title']}]({root}/{page}.md)"

    def recipe(self, name):
        """The first lines of a recipe: where it works and how to run it."""
        count, works = self.recipe_runs(name)
        module = name.replace("-", "_")
        return (
            f":::{{admonition}} Verdict\n:class: verdict\n\n"
            f"- {WORKS} **Works** on Flask-Admin {self.span(works)} "
            f"with Flask-SQLAlchemy-Lite ({count} tests on each release).\n"
            f"- Run it: `flask --app snippets.recipes.{module} run`, "
            f"then open `/admin/`.\n:::"
        )

    def recipe_runs(self, name):
        """How many tests a recipe has, and the releases on which all passed.

        :raises LookupError: when they passed on none.
        """
        path = f"tests/recipes/test_{name.replace('-', '_')}.py"
        runs = {
            release: self.environments[f"flask-admin=={release}"]["recipes"].get(path)
            for release in self.releases
        }
        works = [r for r, run in runs.items() if run and not run["failed"]]
        if not works:
            why = "run nox -s measure -- compatibility"
            raise LookupError(f"no release has passed {path}: {why}")
        return runs[works[-1]]["passed"], works

    @cached_property
    def all_recipes(self):
        """Of each recipe what its page says, and its runs."""
        found = []
        for path in RECIPES:
            _, front, body = path.read_text("utf-8").split("---\n", 2)
            count, works = self.recipe_runs(path.stem)
            about = {
                "name": path.stem,
                "title": re.search(r"^# (.+)$", body, re.MULTILINE)[1],
                "count": count,
                "releases": self.span(works),
            }
            found.append(yaml.safe_load(front) | about)
        return found

    def recipes(self, group):
        """The recipes of a group."""
        return [recipe for recipe in self.all_recipes if recipe["group"] == group]

    @staticmethod
    def picture(name, text):
        """A picture of the admin, light and dark, by nox -s measure -- screenshots."""
        return "\n\n".join(
            f"```{{image}} /_static/screenshots/{name}-{scheme}.webp\n"
            f":alt: {text}\n:class: screenshot only-{scheme}\n:loading: lazy\n```"
            for scheme in ("light", "dark")
        )

    @staticmethod
    def reliability():
        """What nox -s check -- reliability found."""
        return reliability.Reliability()

    def errors(self):
        """Each message that a run captured, with its causes and their pages.

        :raises LookupError: for a message in errors.toml that no run captured.
        """
        runs = [RESULTS, reliability.RESULTS, *(ROOT / "snippets").rglob("*.console")]
        captured = "".join(path.read_text("utf-8") for path in runs).replace("\\", "")
        found = {}
        for error in tomllib.loads(ERRORS.read_text("utf-8"))["error"]:
            if error["message"] not in captured:
                raise LookupError(f"no run has captured {error['message']!r}")
            pair = error["cause"], f"{error['page']}.md"
            found.setdefault(error["message"], []).append(pair)
        for recipe in self.all_recipes:
            if recipe["error"]:
                pair = recipe["cause"], f"recipes/{recipe['name']}.md"
                found.setdefault(recipe["error"], []).append(pair)
        return dict(sorted(found.items()))

    @staticmethod
    def documented(module):
        """The public objects of a module that have a docstring, for autodoc."""
        path = ROOT / f"{module.replace('.', '/')}.py"
        for node in ast.parse(path.read_text("utf-8")).body:
            kind = {ast.ClassDef: "autoclass", ast.FunctionDef: "autofunction"}
            if type(node) in kind and ast.get_docstring(node):
                yield kind[type(node)], f"{module}.{node.name}"

    def recommendations(self):
        """Releases, newest first, joined where the same approach is recommended."""
        pairs = {}
        for release in reversed(self.releases):
            pair = self.recommended(release), self.recommended(release, alone=True)
            pairs.setdefault(pair, []).append(release)
        return [(self.span(releases), *pair) for pair, releases in pairs.items()]

    def paste(self, name):
        """The files and objects that an approach adds to an application."""
        approach = self.approaches[name]
        for reference in approach.get("paste", [approach["app"]]):
            module, item = reference.split(":")
            yield f"{module.replace('.', '/')}.py", item

    def passed_on(self, name):
        """Where the doctest of a snippet last passed."""
        passed = [
            release
            for release in self.releases
            if self.environments[f"flask-admin=={release}"]["snippets"].get(name)
            == "ok"
        ]
        packages = self.newest["packages"]
        return (
            f"last passed on Flask-Admin {self.span(passed)} with "
            f"Flask-SQLAlchemy-Lite {packages['Flask-SQLAlchemy-Lite']}, "
            f"SQLAlchemy {packages['SQLAlchemy']}, Python {self.newest['python']}"
        )
