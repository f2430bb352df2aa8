"""Print the pages of the EPUB as one PDF: ``nox -s build -- pdf``.

A browser lays out the pages and makes their bookmarks. It cannot write the number of a
page into a list of contents, so it prints twice, the second time with the numbers that
the first one gave.
"""

import re
import sys
from pathlib import Path
from posixpath import dirname, join, normpath
from tempfile import TemporaryDirectory

import pikepdf
from bs4 import BeautifulSoup

from tools import results
from tools.paths import ROOT
from tools.publish.browser import find_browser, launch

PAGES = ROOT / "build/epub"
OUTPUT = ROOT / "build/pdf/flask-admin-on-flask-sqlalchemy-lite.pdf"
STYLE = Path(__file__).with_name("pdf.css")
LIMIT = 6e6
BOOK = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>{style}</style></head><body>
<div class="title-page"><h1>{title}</h1><p>{date}</p>{colophon}</div>
<nav><h1>Contents</h1>{contents}</nav>
{chapters}</body></html>
"""
# What reaches over the edge of the paper; code wraps, and pictures shrink.
CUT = """() => {
  const edge = document.body.getBoundingClientRect().right + 1;
  return [...document.querySelectorAll("body *")]
    .filter((part) => part.getBoundingClientRect().right > edge
      || (part.tagName === "PRE" && part.scrollWidth > part.clientWidth + 1))
    .map((part) => `${part.closest(".chapter")?.id}: ${part.textContent.slice(0, 60)}`);
}"""
# The width of the text on A4 with the margins of pdf.css, in the browser's pixels.
WIDTH = round((210 - 2 * 16) / 25.4 * 96)


def chapters():
    """``(depth, title, address)`` of each page, in the order of the book."""
    nav = BeautifulSoup(PAGES.joinpath("nav.xhtml").read_bytes(), "html.parser")
    for link in nav.select("nav a"):
        if "#" not in link["href"]:
            depth = len(link.find_parents("ol"))
            yield min(depth, 2), link.get_text(), link["href"]


def anchor(address, page=""):
    """The id, in the one document, of what a link of a page leads to."""
    path, _, name = address.partition("#")
    path = normpath(join(dirname(page), path)) if path else page
    return "--".join(filter(None, [re.sub(r"\W", "-", path), name]))


def chapter(depth, page):
    """A page of the EPUB as a part of one document."""
    dom = BeautifulSoup(PAGES.joinpath(page).read_bytes(), "html.parser")
    body = dom.select_one("[role=main]")
    # Each colour of a word weighs, and these words stand on the page once already.
    for program in body.select("[id=the-whole-program] pre"):
        program.string = program.get_text()
    for tag in body.select("[id]"):
        tag["id"] = anchor(f"#{tag['id']}", page)
    for link in body.select("a[href]"):
        if not re.match(r"[a-z]+:", link["href"]):
            link["href"] = f"#{anchor(link['href'], page)}"
    for image in body.select("img[src]"):
        image["src"] = PAGES.joinpath(dirname(page), image["src"]).resolve().as_uri()
        # Pictures that are further down are loaded when somebody scrolls there.
        del image["loading"]
    for heading in body.select("h1, h2, h3, h4, h5"):
        heading.name = f"h{int(heading.name[1]) + depth - 1}"
    return f'<div class="chapter" id="{anchor(page)}">{body.decode_contents()}</div>'


def contents(listed, numbers):
    rows = (
        f'<li class="depth-{depth}"><a href="#{anchor(page)}">{title}</a>'
        f"<span>{numbers.get(anchor(page), 0)}</span></li>"
        for depth, title, page in listed
    )
    return f"<ol>{''.join(rows)}</ol>"


def print_book(page, place, html):
    """Print a document; return the page number of each anchor in it.

    :raises SystemExit: when something would be cut off at the edge of the paper.
    """
    source = place / "book.html"
    source.write_text(html, "utf-8")
    page.goto(source.as_uri())
    page.evaluate("Promise.all([...document.images].map((image) => image.decode()))")
    if cut := page.evaluate(CUT):
        sys.exit("pdf: cut off at the edge of the paper:\n" + "\n".join(cut[:10]))
    page.pdf(path=OUTPUT, prefer_css_page_size=True, outline=True, tagged=True)
    with pikepdf.open(OUTPUT) as book:
        numbers = {each.objgen: n for n, each in enumerate(book.pages, 1)}
        named = book.Root.Dests.items()
        return {name[1:]: numbers[found[0].objgen] for name, found in named}


def pack(path):
    """Write a PDF anew with its objects compressed, which a browser leaves as text."""
    with pikepdf.open(path, allow_overwriting_input=True) as book:
        book.save(path, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def on_disk(path):
    """The links of a PDF that lead to a place on this machine."""
    with pikepdf.open(path) as book:
        notes = [note for page in book.pages for note in page.get("/Annots", ())]
        found = [str(note.A.URI) for note in notes if "/URI" in note.get("/A", {})]
    return [link for link in found if not link.startswith(("http:", "https:"))]


def main():
    if find_browser() is None:
        sys.exit("pdf: no browser found: install chromium, or name it in BROWSER")
    if not PAGES.joinpath("nav.xhtml").exists():
        sys.exit("pdf: no EPUB to print: nox -s build -- epub makes it")
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    listed = [*chapters()]
    package = PAGES.joinpath("content.opf").read_text("utf-8")
    colours = PAGES.joinpath("_static/pygments.css").read_text("utf-8")
    values = {
        "title": re.search(r"<dc:title>(.*?)</dc:title>", package)[1],
        "date": results.resolutions()["date"],
        "colophon": "<p>Every program in it was run, and every output captured.</p>",
        "style": colours + STYLE.read_text("utf-8"),
        "chapters": "".join(chapter(depth, page) for depth, _, page in listed),
    }
    with launch() as browser, TemporaryDirectory() as folder:
        page = browser.new_page(viewport={"width": WIDTH, "height": 1000})
        page.emulate_media(media="print", color_scheme="light")
        numbers = {}
        for _ in range(2):
            html = BOOK.format(**values, contents=contents(listed, numbers))
            numbers = print_book(page, Path(folder), html)
    if lost := [page for _, _, page in listed if anchor(page) not in numbers]:
        sys.exit(f"pdf: no page number for {', '.join(lost)}")
    pack(OUTPUT)
    if found := on_disk(OUTPUT):
        sys.exit(f"pdf: a link to this machine: {found[0]}")
    size = OUTPUT.stat().st_size
    if size > LIMIT:
        sys.exit(f"pdf: {size / 1e6:.1f} MB, more than {LIMIT / 1e6:.0f}")
    print(f"pdf: {size / 1e6:.1f} MB in {OUTPUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
