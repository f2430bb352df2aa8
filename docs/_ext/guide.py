"""Sphinx side of the guide: code comes from snippets/, verdicts from a run.

* ``literalinclude`` takes ``:region:`` or ``:pyobject:`` instead of line numbers,
  and says under each block where it comes from and where it passed.
* A page is a Jinja template: `docs/_ext/tables.py` holds what it can use.
* A block written by hand, a snippet or a region that no page shows, and a snippet
  without a doctest that passed are warnings, and so fail a build with ``-W``.
"""

import ast
import re
from difflib import unified_diff
from pathlib import Path
from textwrap import dedent

import jinja2
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.directives.code import LiteralInclude
from sphinx.util import logging
from tables import Guide, environment

from tools import verdicts
from tools.paths import ROOT, SNIPPETS

logger = logging.getLogger(__name__)
# Numbers rot when the file changes; a name does not.
NUMERIC = {"lines", "emphasize-lines", "lineno-start", "lineno-match", "linenos"}
REGION = re.compile(r"# region (\S+)$", re.MULTILINE)


class Snippet(LiteralInclude):
    """``literalinclude`` of a file under snippets/."""

    option_spec = {
        name: convert
        for name, convert in LiteralInclude.option_spec.items()
        if name not in NUMERIC
    } | {"region": directives.unchanged_required}

    def run(self):
        path = Path(self.env.relfn2path(self.arguments[0])[1])
        if not path.is_relative_to(SNIPPETS):
            raise self.error(f"{self.arguments[0]} is not under snippets/")
        region = self.options.pop("region", None)
        if region is not None:
            if f"# region {region}\n" not in path.read_text("utf-8"):
                raise self.error(f"no region {region!r} in {self.arguments[0]}")
            self.options["start-after"] = f"# region {region}\n"
            self.options["end-before"] = f"# endregion {region}\n"
        if path.suffix == ".console":
            self.options.setdefault("language", "console")
        if "diff" in self.options:
            old = Path(self.env.relfn2path(self.options["diff"])[1])
        found = super().run()
        for block in [
            block for node in found for block in node.findall(nodes.literal_block)
        ]:
            name = path.relative_to(ROOT).as_posix()
            block["snippet"], block["region"] = name, region
            # A region ends with the blank lines that stand before the next one.
            text = block.astext().rstrip("\n")
            if "diff" in self.options:
                # Sphinx would name both files by their place on this machine.
                text = "\n".join(difference(old, path))
            elif path.suffix == ".py":
                text = with_imports(text, path.read_text("utf-8"))
            block.rawsource, block.children[:] = text, [nodes.Text(text)]
            found.append(provenance(self.env, path, name))
        return found


def with_imports(text, source):
    """A block of a module with the lines that import what it uses.

    What it uses of snippets/ is shown elsewhere, and nobody else can import it.
    """
    try:
        used = ast.parse(dedent(text))
    except SyntaxError:
        # A part of a statement: its page shows the rest.
        return text
    names = {node.id for node in ast.walk(used) if isinstance(node, ast.Name)}
    bound = {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(used)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    rows, lines, last = source.splitlines(), [], None
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if getattr(node, "module", "").startswith(("snippets", "__future__")):
            continue
        node.names = [
            alias
            for alias in node.names
            if (alias.asname or alias.name).partition(".")[0] in names - bound
        ]
        if node.names:
            # A blank line parts Python's own modules from the others, as in the file.
            if last and "" in rows[last : node.lineno - 1]:
                lines.append("")
            lines.append(ast.unparse(node))
            last = node.end_lineno
    if not lines:
        return text
    top = ast.unparse(used.body[0]).startswith(("class", "def", "@", "async"))
    return "\n".join([*lines, *[""] * (2 if top else 1), text])


def difference(old, new):
    """The lines of a diff of two modules, without their docstrings."""
    texts = []
    for path in old, new:
        source = path.read_text("utf-8")
        source = source.replace(
            f'"""{ast.get_docstring(ast.parse(source), False)}"""', ""
        )
        texts.append(source.strip().splitlines())
    names = [path.relative_to(ROOT).as_posix() for path in (old, new)]
    return unified_diff(*texts, *names, lineterm="")


def provenance(env, path, name):
    """The line under a block: its file, its test, where it passed, how to run it."""
    line = nodes.paragraph(classes=["provenance", "no-search"])
    line += source_link(env.config, name)
    if path.suffix == ".py":
        test = Path("tests", *Path(name).parts[1:-1], f"test_{path.name}")
        if (ROOT / test).exists():
            line += [
                nodes.Text(" · tested by "),
                source_link(env.config, test.as_posix()),
            ]
        line += nodes.Text(f" · last passed on {passed_on(env, name)}")
        if "verify" in env.found_docs:
            run = {"refdomain": "std", "reftype": "doc", "reftarget": "/verify"}
            run |= {"refdoc": env.docname, "refexplicit": True}
            link = addnodes.pending_xref("", nodes.inline(text="run it"), **run)
            line += [nodes.Text(" · "), link]
    elif path.suffix == ".console":
        line += nodes.Text(" · captured by running its commands")
    if env.config.guide_repository:
        page = f"{env.config.guide_repository}/edit/HEAD/docs/{env.docname}.md"
        line += [nodes.Text(" · "), download(name, nodes.inline(text="download"))]
        line += [nodes.Text(" · "), nodes.reference("", "edit this page", refuri=page)]
    return line


def passed_on(env, name):
    guide = Guide()
    newest = verdicts.newest(guide.compatibility)
    versions = {"Flask-Admin": guide.span(guide.passed_on(name))}
    for package in "Flask-SQLAlchemy-Lite", "SQLAlchemy":
        versions[package] = newest.packages[package]
    admin, *others = [f"{package} {v}" for package, v in versions.items()]
    note(env, guide)
    return f"{admin} with {', '.join([*others, f'Python {newest.python}'])}"


def note(env, guide):
    """A page is read again when something changes that it used."""
    for path in guide.used:
        env.note_dependency(str(path))


def source_link(config, name):
    """To a file in the repository, or where there is none, the file itself."""
    code = nodes.literal(text=name)
    if config.guide_repository:
        address = f"{config.guide_repository}/blob/HEAD/{name}"
        return nodes.reference("", "", code, refuri=address)
    return download(name, code)


def download(name, text):
    return addnodes.download_reference(
        "", "", text, reftarget=f"/../{name}", refdoc="", refexplicit=True
    )


def render(app, docname, source):
    """Fill in the verdicts of a page."""
    guide = Guide()
    try:
        template = environment().from_string(source[0])
        source[0] = template.render(guide=guide)
    except (jinja2.TemplateError, LookupError, TypeError) as error:
        logger.warning("%s: %s", type(error).__name__, error, location=docname)
    note(app.env, guide)


def is_block(node):
    # The parts of a signature are fixed text too.
    return isinstance(node, nodes.FixedTextElement) and not isinstance(node, nodes.Part)


def find_written_by_hand(app, doctree):
    """Warn of each block that is not a snippet, and note those that are."""
    # Sphinx keeps the metadata of unread pages: no need to load each page again.
    shown = app.env.metadata[app.env.docname]["snippets"] = []
    for node in doctree.findall(is_block):
        markup = isinstance(node, nodes.raw) and not re.search(
            "<(pre|code)", node.astext()
        )
        if "snippet" in node:
            shown.append((node["snippet"], node["region"]))
        elif not markup:
            logger.warning("code written by hand: put it in snippets/", location=node)


def find_unused(app, env):
    """Warn of snippets and regions that no page shows, and of untested ones."""
    shown = {pair for name in env.found_docs for pair in env.metadata[name]["snippets"]}
    files = {
        Path(app.srcdir, name).resolve()
        for names in env.dependencies.values()
        for name in names
    }
    passed = verdicts.newest(Guide().compatibility).snippets
    for path in sorted(SNIPPETS.rglob("*")):
        name = path.relative_to(ROOT).as_posix()
        if path.is_dir() or path.name == "__init__.py" or path.suffix == ".pyc":
            continue
        if path not in files:
            logger.warning("no page shows %s", name)
        if path.suffix == ".py":
            for region in REGION.findall(path.read_text("utf-8")):
                if (name, region) not in shown:
                    logger.warning("no page shows the region %r of %s", region, name)
            if not passed.get(name):
                why = "has no doctest that passed in nox -s measure -- compatibility"
                logger.warning("%s %s", name, why)


def setup(app):
    app.add_config_value("guide_repository", "", "env", str)
    app.add_directive("literalinclude", Snippet, override=True)
    app.connect("source-read", render)
    app.connect("doctree-read", find_written_by_hand)
    app.connect("env-check-consistency", find_unused)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
