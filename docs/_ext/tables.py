"""What a page can call as ``guide``: what was measured, and how a template shows it.

``{{ guide.verdict("lazy-session") }}`` is a macro of docs/_templates/, which alone
makes Markdown; ``guide.works_on("lazy-session")`` is a question of tools/verdicts.py.
"""

import ast
import csv
import inspect
import json
import shutil
import sys
from functools import cached_property, lru_cache, partial

import jinja2

from tools import claims, results, verdicts
from tools.paths import CLAIMS, DOCS, RESULTS, ROOT, SCHEMAS, SNIPPETS

TEMPLATES = DOCS / "_templates"
# Read once for a build, not for each page and block.
read = lru_cache(lambda name: getattr(results, name)())
read_claims = lru_cache(claims.read)


@lru_cache
def environment():
    # What comes out is Markdown, which Sphinx escapes.
    made = jinja2.Environment(  # noqa: S701
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["literal"] = literal
    return made


def literal(text):
    """The first line of a message as inline code."""
    line = str(text).splitlines()[0]
    return f"`` {line} ``" if "`" in line else f"`{line}`"


class Guide:
    """One page's view of the data; ``used`` are the files that it was read from.

    Snippets are not among them: to be read is not to be shown.
    """

    def __init__(self):
        self.used = set()

    def __getattr__(self, name):
        if inspect.isfunction(question := getattr(verdicts, name, None)):
            return partial(question, self.compatibility)
        if name in self.macros:
            return self.macros[name]
        raise AttributeError(f"neither a question nor a macro: {name!r}")

    @cached_property
    def macros(self):
        found = {}
        for name in environment().list_templates(["jinja"]):
            self.used.add(TEMPLATES / name)
            template = environment().get_template(name)
            found |= vars(template.make_module({"guide": self}))
        return found

    def measured(self, name):
        self.used.add(results.path(name))
        return read(name)

    def claimed(self, name):
        self.used.add(CLAIMS / f"{name}.toml")
        return read_claims(name)

    compatibility = property(lambda self: self.measured("compatibility"))
    performance = property(lambda self: self.measured("performance"))
    reliability = property(lambda self: self.measured("reliability"))
    resolutions = property(lambda self: self.measured("resolutions"))
    databases = property(lambda self: self.measured("databases"))
    paste = property(lambda self: self.measured("paste"))
    readers = property(lambda self: claims.readers())
    servers = property(lambda self: self.measured("servers"))
    rehearsal = property(lambda self: self.measured("rehearsal"))
    mutants = property(lambda self: self.measured("mutants"))
    checks = property(lambda self: self.compatibility.checks)
    approaches = property(lambda self: self.compatibility.approaches)
    releases = property(lambda self: verdicts.releases(self.compatibility))
    packages = property(lambda self: verdicts.newest(self.compatibility).packages)
    surface = property(lambda self: verdicts.group(self.compatibility, "surface"))
    # Questions about the run under load get that run.
    load = verdicts
    groups = claims.GROUPS

    @cached_property
    def lines(self):
        """How many lines of code each approach adds to an application."""
        self.claimed("approaches")
        return claims.lines()

    def reason(self, program, mutant):
        self.claimed("mutants")
        return claims.reason(program, mutant)

    def recommended(self, release, alone=False):
        return verdicts.recommended(self.compatibility, release, self.lines, alone)

    def recommendations(self):
        return verdicts.recommendations(self.compatibility, self.lines)

    def tally(self, *wanted):
        """How many statements got one of these verdicts."""
        found = [self.finding(each["check"])[0] for each in self.statements]
        return sum(each in wanted for each in found)

    def cure_reason(self, requirements):
        """Why what is added to an install line is needed."""
        lines = self.claimed("resolutions")["install"]
        (why,) = [e["why"] for e in lines if e["requirements"] == requirements]
        return why

    def freeze_data(self):
        """What docs/_static/freeze.js answers from: releases, and cures that ran."""
        rules = [
            {
                # A line names what it lacks by leaving it out.
                "when": [
                    each for each in line["requirements"] if set(each) & set("<=>")
                ],
                "add": line["cure"],
                "why": line["why"].replace("`", ""),
            }
            for line in self.claimed("resolutions")["install"]
            if "cure" in line
        ]
        data = {
            "releases": self.releases,
            "rules": [rule for rule in rules if rule["when"]],
            "lite": "ModelView(User, db.session) with db = ProxySQLAlchemy()",
            "full": "ModelView(User, db.session)",
        }
        return json.dumps(data)

    @property
    def statements(self):
        """The ledger of the investigation."""
        return self.claimed("findings")["statements"]

    def region_of(self, check):
        """The anchor of the region of snippets/findings.py that asks a question."""
        before = (SNIPPETS / "findings.py").read_text("utf-8")
        before = before.split(f"\ndef {check}(")[0]
        return f"findings-{before.rsplit('# region ', 1)[1].split()[0]}"

    @cached_property
    def recipes(self):
        """Of each recipe what its page says, and its runs."""
        self.used |= {*claims.RECIPES}
        found = []
        for module, about in claims.recipes():
            count, works = self.recipe_runs(module)
            found.append(about | {"module": module, "count": count, "releases": works})
        return found

    @property
    def pairs(self):
        """The recipes that were tested in one application, two by two."""
        unsaid = {"fails": "", "bases": []}
        return [unsaid | each for each in self.claimed("pairs")["pairs"]]

    @property
    def combined_recipes(self):
        """What a test of a pair asks of each recipe, by its page."""
        return self.claimed("pairs")["recipes"]

    def database_messages(self):
        """What fails on database servers alone: ``[(text, check and database)]``."""
        found = {}
        for release, databases in self.databases["failed"].items():
            for database, cells in databases.items():
                for name, failed in cells.items():
                    known = verdicts.cell(self.compatibility, name, release).failed
                    for check in failed.keys() - known.keys():
                        where = f"{check} on {database}"
                        found.setdefault(failed[check], {})[where] = None
        return [(text, ", ".join(where)) for text, where in found.items()]

    def errors(self):
        """Each message that a run captured, with its causes and their pages.

        :raises LookupError: for a message in errors.toml that no run captured.
        """
        captured = [*self.compatibility.messages]
        for found in self.reliability, self.resolutions:
            captured.append(json.dumps(found).replace("\\", ""))
        captured += [path.read_text("utf-8") for path in SNIPPETS.rglob("*.console")]
        with (SNIPPETS / "error_messages.csv").open(encoding="utf-8") as file:
            captured += [row[0] for row in csv.reader(file)]
        # What only a server says is asserted by the test that runs one.
        captured.append(ROOT.joinpath("tests/test_mariadb.py").read_text("utf-8"))
        found = {}
        for error in self.claimed("errors")["error"]:
            if not any(error["message"] in text for text in captured):
                raise LookupError(f"no run has captured {error['message']!r}")
            found.setdefault(error["message"], []).append(error)
        for recipe in self.recipes:
            if recipe["error"]:
                page = f"recipes/{recipe['page']}"
                cause = {"cause": recipe["cause"], "write": "", "page": page}
                known = [each for each in found if recipe["error"] in each]
                found.setdefault(*known[:1] or [recipe["error"]], []).append(cause)
        return dict(sorted(found.items()))

    def documented(self, module):
        """The public objects of a module that have a docstring, for autodoc."""
        source = (ROOT / f"{module.replace('.', '/')}.py").read_text("utf-8")
        for node in ast.parse(source).body:
            kind = {ast.ClassDef: "autoclass", ast.FunctionDef: "autofunction"}
            if type(node) in kind and ast.get_docstring(node):
                yield kind[type(node)], f"{module}.{node.name}"


def validate(app):
    try:
        for name in results.NAMES:
            results.validate(name)
    except ValueError as error:
        # Sphinx would put a page about itself around the sentence.
        sys.exit(str(error))


def publish(app, exception):
    """Put what was measured, and what describes it, beside the pages."""
    if exception or app.builder.name != "html":
        return
    for source, target in (RESULTS, "data"), (SCHEMAS, "data/schemas"):
        (app.outdir / target).mkdir(exist_ok=True)
        for name in results.NAMES:
            shutil.copy(source / f"{name}.json", app.outdir / target)
    guide = Guide()
    for approach in guide.approaches:
        place = app.outdir / "data/badges" / approach
        place.mkdir(parents=True, exist_ok=True)
        for release in guide.releases:
            badge = guide.badge(approach, release)
            place.joinpath(f"{release}.svg").write_text(f"{badge}\n", "utf-8")


def setup(app):
    app.connect("builder-inited", validate)
    app.connect("build-finished", publish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
