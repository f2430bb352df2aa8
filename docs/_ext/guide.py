"""Sphinx side of the guide: code comes from snippets/, verdicts from a run.

* ``snippet`` shows a part of a program with its imports, and where it belongs in the
  reader's application; ``whole-program`` shows all of it, ``install`` what it needs.
* A page is a Jinja template: `docs/_ext/tables.py` holds what it can use.
* A block written by hand, a snippet or a region that no page shows, and a snippet
  without a doctest that passed are warnings, and so fail a build with ``-W``.
"""

import re
from difflib import unified_diff
from pathlib import Path
from textwrap import dedent

import jinja2
import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.directives.code import LiteralInclude
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from tables import Guide, environment

from tools import claims, listing, verdicts
from tools.paths import ROOT, SNIPPETS

logger = logging.getLogger(__name__)
# Numbers rot when the file changes; a name does not.
NUMERIC = {"lines", "emphasize-lines", "lineno-start", "lineno-match", "linenos"}
# Pages that tell what happened: what was true of a release stays true there.
HISTORY = "history", "upstream", "upgrading", "about", "findings"
# What the doctor and the line that downloads it call the site where nothing is hosted.
ADDRESS = "https://guide.example/"
REGION = re.compile(r"# region (\S+)$", re.MULTILINE)


class Snippet(LiteralInclude):
    """A file under snippets/, or a part of it, as a block of a page.

    ``:place:`` says where it belongs in the reader's application, ``:file:`` that it
    is a file of its own. ``:fails:`` marks code that is shown because it fails, and
    ``:evidence:`` code that is shown as a proof; neither is there to be copied.
    """

    option_spec = {
        name: convert
        for name, convert in LiteralInclude.option_spec.items()
        if name not in NUMERIC
    } | {
        "region": directives.unchanged_required,
        "place": lambda value: directives.choice(value, claims.blocks()["places"]),
        "file": directives.unchanged_required,
        "fails": directives.flag,
        "evidence": directives.flag,
    }

    def run(self):
        path = SNIPPETS / self.arguments[0]
        if not path.resolve().is_relative_to(SNIPPETS):
            raise self.error(f"{self.arguments[0]} is not under snippets/")
        self.arguments[0] = f"/../snippets/{self.arguments[0]}"
        region = self.options.pop("region", None)
        if region is not None:
            if not re.search(
                rf"# region {re.escape(region)}\n", path.read_text("utf-8")
            ):
                raise self.error(f"no region {region!r} in {path.relative_to(ROOT)}")
            self.options["start-after"] = f"# region {region}\n"
            self.options["end-before"] = f"# endregion {region}\n"
        if path.suffix == ".console":
            self.options.setdefault("language", "console")
        old = None
        if "diff" in self.options:
            old = SNIPPETS / self.options["diff"]
            self.options["diff"] = f"/../snippets/{self.options['diff']}"
        place, file = self.options.pop("place", None), self.options.pop("file", None)
        if place or file:
            caption = (
                claims.blocks()["places"][place] if place else f"In a new file `{file}`"
            )
            self.options["caption"] = caption
        fails = self.options.pop("fails", "") is None
        evidence = self.options.pop("evidence", "") is None
        found = super().run()
        for block in [
            block for node in found for block in node.findall(nodes.literal_block)
        ]:
            name = path.relative_to(ROOT).as_posix()
            block["snippet"], block["region"] = name, region
            # A region ends with the blank lines that stand before the next one.
            text = listing.MARKER.sub("", dedent(block.astext())).rstrip("\n")
            if old:
                # Sphinx would name both files by their place on this machine.
                text = "\n".join(difference(old, path))
            elif path.suffix == ".py":
                source = path.read_text("utf-8")
                whole = region is None and "pyobject" not in self.options
                text = listing.program(source).rstrip("\n") if whole else text
                try:
                    text = text if whole else listing.with_imports(text, source)
                except SyntaxError:
                    raise self.error(
                        f"the names of this block of {name} cannot be told: it is no "
                        "statement by itself"
                    ) from None
            elif path.suffix == ".sh":
                text = text.replace(ADDRESS, self.config.html_baseurl or ADDRESS)
            block.rawsource, block.children[:] = text, [nodes.Text(text)]
            if evidence or fails or old or path.suffix == ".console":
                block["classes"].append("fails" if fails else "evidence")
            elif path.suffix == ".py":
                found += self.names(text, block, name)
            if fails:
                found.insert(0, words("✗ Fails, as shown.", "fails"))
        return found

    def names(self, text, block, name):
        """Say which names of a block are the reader's own.

        Warns of each name that is neither defined on the page so far nor declared.
        """
        before = self.env.temp_data.setdefault("guide_blocks", [])
        yours = claims.blocks()["yours"] | front(self.env).get("yours", {})
        free = listing.free("\n\n".join([*before, text]))
        before.append(text)
        shown = self.env.temp_data.setdefault("guide_yours", set())
        for missing in sorted(free - yours.keys()):
            logger.warning(
                "%s uses %s, which this page does not define: show it before, or "
                "declare it as `yours` in the front matter",
                name,
                missing,
                location=block,
            )
        if "snippets." in text:
            logger.warning(
                "a reader cannot import what is in snippets/", location=block
            )
        new = [each for each in yours if each in free - shown]
        shown.update(new)
        if not new:
            return []
        listed = ", ".join(f"`{each}` ({yours[each]})" for each in new)
        children, messages = self.parse_inline(f"Yours: {listed}.")
        line = nodes.paragraph("", "", *children, classes=["yours"])
        return [line, *messages]


class WholeProgram(SphinxDirective):
    """The whole program of a page, folded, to be copied or downloaded.

    Front matter may say what its file is called (``file``, app.py) and what starts it
    (``run``, flask run).
    """

    required_arguments = 1

    def run(self):
        path = SNIPPETS / self.arguments[0]
        if not path.is_file():
            raise self.error(f"no file {self.arguments[0]} in snippets/")
        self.env.note_dependency(str(path))
        name = path.relative_to(ROOT).as_posix()
        about = {"file": "app.py", "run": "flask run"} | front(self.env)
        programs = self.env.metadata[self.env.docname].setdefault("programs", {})
        programs[about["file"]] = name
        for package in listing.unmet(path.read_text("utf-8"), packages(about)):
            raise self.error(
                f"{name} imports {package}, which the page does not install: add it "
                "to `packages` in the front matter"
            )
        install = f"pip install {' '.join(packages(about))}"
        start = words("Save it as ")
        start += [nodes.literal(text=about["file"]), nodes.Text(" in an empty folder")]
        address = f"{Path(self.env.docname).name}/{about['file']}"
        link = nodes.reference(
            "", "download it", refuri=address, download=about["file"]
        )
        start += addnodes.only(
            "", nodes.Text(" ("), link, nodes.Text(")"), expr="builder_html"
        )
        start += nodes.Text(", then run:")
        return [
            nodes.raw(
                "",
                f'<details class="program"><summary>{about["file"]}</summary>',
                format="html",
            ),
            start,
            block(f"{install}\n{about['run']}", "sh"),
            block(
                listing.program(path.read_text("utf-8")).rstrip("\n"), "python", name
            ),
            nodes.raw("", "</details>", format="html"),
        ]


class Install(SphinxDirective):
    """The line that installs what the program of a page needs."""

    def run(self):
        line = f"pip install {' '.join(packages(front(self.env)))}"
        return [block(line, "sh")]


def block(text, language, name=""):
    return nodes.literal_block(text, text, language=language, snippet=name, region=None)


def packages(about):
    """What a page installs: what all need, and what its front matter adds."""
    return [*claims.blocks()["install"], *about.get("packages", [])]


def words(text, *classes):
    return nodes.paragraph("", text, classes=[*classes])


def front(env):
    """The front matter of the page that is read."""
    return env.temp_data.get("guide_front", {})


def difference(old, new):
    """The lines of a diff of two programs as a page prints them."""
    texts = [
        listing.program(path.read_text("utf-8")).splitlines() for path in (old, new)
    ]
    names = [path.relative_to(SNIPPETS).as_posix() for path in (old, new)]
    return unified_diff(*texts, *names, lineterm="")


def sources(app, doctree):
    """The last lines of a page, folded: its files, their tests, where they passed."""
    env = app.env
    names = list(
        dict.fromkeys(
            node["snippet"]
            for node in doctree.findall(nodes.literal_block)
            if node.get("snippet")
        )
    )
    if not names:
        return
    listed = nodes.bullet_list(classes=["no-search"])
    for name in names:
        listed += nodes.list_item("", provenance(env, ROOT / name, name))
    part = [
        nodes.raw(
            "",
            '<details class="sources"><summary>Sources and tests</summary>',
            format="html",
        ),
        listed,
        nodes.raw("", "</details>", format="html"),
    ]
    place = next(iter(doctree.findall(nodes.section)), doctree)
    place += part


def check_yours(app, doctree):
    """Warn of names that the front matter declares and no block uses."""
    declared = front(app.env).get("yours", {}).keys()
    for name in declared - app.env.temp_data.get("guide_yours", set()):
        logger.warning(
            "`yours` declares %s, which no block uses", name, location=app.env.docname
        )


def provenance(env, path, name):
    """The file of a block, its test, and where it passed."""
    line = nodes.paragraph()
    line += source_link(env.config, name)
    if path.suffix == ".py":
        test = Path("tests", *Path(name).parts[1:-1], f"test_{path.name}")
        if (ROOT / test).exists():
            line += [
                nodes.Text(" · tested by "),
                source_link(env.config, test.as_posix()),
            ]
        line += nodes.Text(f" · last passed on {passed_on(env, name)}")
    elif path.suffix == ".console":
        line += nodes.Text(" · captured by running its commands")
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
    newest = Guide().releases[-1]
    if docname not in HISTORY and newest in re.sub("(?s){{.*?}}", "", source[0]):
        text = "%s is typed: a newer release makes it wrong, so take it from `guide`"
        logger.warning(text, newest, location=docname)
    parts = source[0].split("---\n", 2)
    app.env.temp_data["guide_front"] = yaml.safe_load(parts[1]) if not parts[0] else {}
    try:
        template = environment().from_string(source[0])
        source[0] = template.render(guide=guide)
    except (jinja2.TemplateError, LookupError, TypeError) as error:
        logger.warning("%s: %s", type(error).__name__, error, location=docname)
    note(app.env, guide)


def write_programs(app, exception):
    """Put each whole program beside its page, under the name that the page gives it."""
    if exception or app.builder.name != "html":
        return
    for page in app.env.found_docs:
        for file, name in app.env.metadata[page].get("programs", {}).items():
            path = app.outdir / page / file
            path.parent.mkdir(parents=True, exist_ok=True)
            source = (ROOT / name).read_text("utf-8")
            path.write_text(listing.program(source), "utf-8")
    # The file at its address, and the one that the page's link downloads.
    for doctor in app.outdir.rglob("doctor.py") if app.config.html_baseurl else []:
        source = doctor.read_text("utf-8")
        doctor.write_text(source.replace(ADDRESS, app.config.html_baseurl), "utf-8")


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
    app.add_directive("snippet", Snippet)
    app.add_directive("whole-program", WholeProgram)
    app.add_directive("install", Install)
    app.connect("source-read", render)
    app.connect("doctree-read", find_written_by_hand)
    app.connect("doctree-read", sources)
    app.connect("doctree-read", check_yours)
    app.connect("build-finished", write_programs)
    app.connect("env-check-consistency", find_unused)
    return {"env_version": 1, "parallel_read_safe": True, "parallel_write_safe": True}
