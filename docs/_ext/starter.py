"""The starter: its files on its page, and all of them in one archive beside it.

An archive of the same files is the same to the byte, so a checksum means something.
"""

import ast
from html import escape
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from docutils import nodes
from guide import STARTER, block
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

ARCHIVE = "starter.zip"
LANGUAGES = {".py": "python", ".conf": "nginx", ".ini": "ini", ".mako": "mako"}


def files(folder=STARTER):
    """The files of the starter, the ones to read first first."""
    found = (path for path in folder.rglob("*") if path.is_file())
    found = [path for path in found if path.suffix != ".pyc"]
    return sorted(found, key=lambda path: (len(path.relative_to(folder).parts), path))


def archive(folder=STARTER):
    """The bytes of the archive."""
    written = BytesIO()
    with ZipFile(written, "w") as zipped:
        for path in files(folder):
            name = f"starter/{path.relative_to(folder).as_posix()}"
            about = ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            about.external_attr, about.compress_type = 0o100644 << 16, ZIP_DEFLATED
            zipped.writestr(about, path.read_bytes())
    return written.getvalue()


def summary(path):
    """What a module says of itself in its first line, or ''."""
    if path.suffix != ".py":
        return ""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    return text.partition("\n")[0].replace("`", "")


class Starter(SphinxDirective):
    """A link to the archive, and each file folded."""

    def run(self):
        self.env.metadata[self.env.docname]["starter"] = True
        address = f"{Path(self.env.docname).name}/{ARCHIVE}"
        link = nodes.reference("", f"Download {ARCHIVE}", refuri=address)
        link["download"] = ARCHIVE
        start = nodes.paragraph("", "", nodes.strong("", "", link))
        found = [addnodes.only("", start, expr="builder_html")]
        for path in files():
            self.env.note_dependency(str(path))
            name = path.relative_to(STARTER).as_posix()
            about = escape(f"{name}: {summary(path)}".removesuffix(": "))
            # It runs in its own folder, not where a block is pasted.
            opening = f'<details class="program evidence"><summary>{about}</summary>'
            language = LANGUAGES.get(path.suffix, "text")
            found += [
                nodes.raw("", opening, format="html"),
                block(path.read_text("utf-8").rstrip("\n"), language),
                nodes.raw("", "</details>", format="html"),
            ]
        return found


def write_archive(app, exception):
    if exception or app.builder.name != "html":
        return
    for page in app.env.found_docs:
        if app.env.metadata[page].get("starter"):
            (app.outdir / page).mkdir(parents=True, exist_ok=True)
            (app.outdir / page / ARCHIVE).write_bytes(archive())


def setup(app):
    app.add_directive("starter", Starter)
    app.connect("build-finished", write_archive)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
