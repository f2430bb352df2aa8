"""Put "Try it here" under the snippets that run in the page.

``nox -s build -- live`` builds what runs into build/live; no buttons without it. A
button stands under each block that shows a ``create_app``, or where no block does,
under the last one of that file.
"""

import ast
import hashlib
import json
import shutil
import sys
from functools import lru_cache
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.util import logging

logger = logging.getLogger(__name__)
ROOT = Path(__file__).parent.parent.parent
RUNTIME = ROOT / "build/live"
PLACES = ("problem", "published.", "recipes.", "tutorial.", "workarounds.")
# Why an application cannot run in a page: by what it or what it imports imports.
REASONS = {
    "async": "its event loop needs a thread",
    "pytest": "it is about tests, which pytest runs in a terminal",
    "celery": "its worker is a process of its own",
    "werkzeug.security": "it hashes passwords with OpenSSL, which the page lacks",
}
BUTTON = """<div class="live" data-module="{module}" data-factory="{factory}"
 data-version="{version}" data-bytes="{bytes}" data-verify="{verify}">
<button type="button">Try it here</button>
Loads {size:.1f} MB and runs in this tab. What you enter stays in it and is lost on
reload.<p role="status"></p></div>"""
UNABLE_TEXT = """<p class="live-unable">This one does not run in the page: {why}.
<a href="{verify}">Run it on your own machine</a>.</p>"""


@lru_cache
def factories(name):
    """The functions of a file that make an application from nothing."""
    tree = ast.parse((ROOT / name).read_text("utf-8"))
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("create_app")
        and len(node.args.args) == len(node.args.defaults)
    ]


@lru_cache
def imports(name):
    """What a module of snippets/ imports, with what its neighbours import."""
    path = ROOT / f"{name.replace('.', '/')}.py"
    if not path.exists():
        return set()
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            # What is imported may be a module of a package.
            found |= {node.module, *(f"{node.module}.{a.name}" for a in node.names)}
        elif isinstance(node, ast.AsyncFunctionDef):
            found.add("async")
    return found.union(*(imports(n) for n in found if n.startswith("snippets.")))


def why_not(module, packages):
    """Why a module cannot run in a page, or None.

    :param packages: the names of what the page loads.
    """
    known = {"snippets", *packages, *sys.stdlib_module_names}
    found = imports(f"snippets.{module}")
    reasons = [reason for name, reason in REASONS.items() if name in found]
    others = sorted({name.partition(".")[0] for name in found} - known)
    reasons += [
        f"it needs {name}, which is not among what the page loads" for name in others
    ]
    return next(iter(reasons), None)


def find_places(doctree):
    """Yield ``(block, module, factory)`` for what a page has a button for."""
    blocks = {}
    for block in doctree.findall(nodes.literal_block):
        name = block.get("snippet", "")
        module = name.removeprefix("snippets/").removesuffix(".py").replace("/", ".")
        if name.endswith(".py") and module.startswith(PLACES) and factories(name):
            blocks.setdefault((name, module), []).append(block)
    for (name, module), found in blocks.items():
        shown = {
            factory: block
            for factory in factories(name)
            for block in found
            if f"\ndef {factory}(" in f"\n{block.astext()}"
        }
        for factory, block in (shown or {factories(name)[0]: found[-1]}).items():
            yield block, module, factory


def add_buttons(app, doctree, docname):
    manifest = app.config.live_manifest
    if not manifest or app.builder.name != "html":
        return
    manifest = json.loads(manifest)
    verify = app.builder.get_relative_uri(docname, "verify")
    told = set()
    for block, module, factory in list(find_places(doctree)):
        if why := why_not(module, manifest["packages"]):
            html = "" if module in told else UNABLE_TEXT.format(why=why, verify=verify)
            told.add(module)
        else:
            values = manifest | {"module": module, "factory": factory}
            html = BUTTON.format(
                **{key: escape(str(value)) for key, value in values.items()},
                size=values["bytes"] / 1e6,
                verify=verify,
            )
        place = block.next_node(siblings=True, descend=False)
        place = place if "provenance" in (place or {}).get("classes", ()) else block
        # Sphinx's search is to find none of the words that every button has.
        raw = nodes.raw("", html, format="html", classes=["no-search"])
        place.parent.insert(place.parent.index(place) + 1, raw)


def add_files(app, pagename, templatename, context, doctree):
    if doctree is not None and any(
        'class="live"' in node.astext() for node in doctree.findall(nodes.raw)
    ):
        app.add_js_file("live/live.js", loading_method="defer")
        app.add_css_file("live/live.css")


def look_for_runtime(app, config):
    path = RUNTIME / "manifest.json"
    text = path.read_text("utf-8") if path.exists() else ""
    # What runs would not be what the page shows.
    if text and json.loads(text)["snippets"] != fingerprint():
        text = ""
    config.live_manifest = text
    if not text:
        logger.info('no "Try it here": nox -s build -- live, anew for new snippets')


def fingerprint():
    """A hash of the snippets, by which a build tells whether its runtime is theirs."""
    paths = sorted((ROOT / "snippets").rglob("*.py"))
    text = b"".join(path.read_bytes() for path in paths)
    return hashlib.sha256(text).hexdigest()


def copy_runtime(app):
    if app.builder.name != "html":
        return
    target = app.outdir / "_static/live"
    there = target / "manifest.json"
    if there.exists() and there.read_text("utf-8") == app.config.live_manifest:
        return
    shutil.rmtree(target, ignore_errors=True)
    if app.config.live_manifest:
        shutil.copytree(RUNTIME, target)


def setup(app):
    app.add_config_value("live_manifest", "", "html", str)
    app.connect("config-inited", look_for_runtime)
    app.connect("doctree-resolved", add_buttons)
    app.connect("html-page-context", add_files)
    app.connect("builder-inited", copy_runtime)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
