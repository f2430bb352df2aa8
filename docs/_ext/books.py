"""What a page becomes where nothing can be clicked: in the books and as Markdown.

Tabs and folds are opened, of a light and a dark picture the light one stays, and what
only a browser can use goes.
"""

import re

from bs4 import BeautifulSoup
from docutils import nodes

# Boxes to type into, buttons, and the marks that link a heading to itself.
ONLY_IN_A_BROWSER = ".on-the-site, .filter, .find-error, .live, .live-unable, "
ONLY_IN_A_BROWSER += ".only-dark, input, button, script, .headerlink"
SVG = '<svg xmlns="http://www.w3.org/2000/svg"'
DRAWING = re.compile(r"<svg\b.*?</svg>", re.DOTALL)
# A file has no stylesheet and no scheme; docs/_static/guide.css has the other colours.
STYLE = """<style>
text { font: 13px sans-serif; text-anchor: middle }
.name { text-anchor: end }
.label { font-weight: bold }
.label[text-anchor="start"] { text-anchor: start }
path, rect { stroke: #333; fill: none }
.plot rect { fill: #fff }
.tick { opacity: 0.3 }
.frame { stroke-dasharray: 4 3 }
.good rect { stroke: #1a7f37 }
.bad rect, .wrong { stroke: #b3261e }
marker path { fill: #333 }
</style>"""


def flatten(html):
    """The body of a page as a tree, with nothing hidden and nothing to click."""
    body = BeautifulSoup(html, "html.parser")
    for tag in body.select(ONLY_IN_A_BROWSER):
        tag.decompose()
    for tag in body.select("label.tab-label, summary"):
        tag.name, tag.attrs = "p", {"class": "unfolded"}
    for tag in body.select("details"):
        tag.name = "div"
        del tag["open"], tag["name"]
    return body


def take_light_pictures(app, doctree, docname):
    """A picture that is not shown is not to be packed either."""
    if app.builder.name == "epub":
        for image in [*doctree.findall(nodes.image)]:
            if "only-dark" in image["classes"]:
                image.parent.remove(image)


def bind(app, pagename, templatename, context, doctree):
    """Open what is folded in a page of a book; its markup has to be XML in an EPUB."""
    if app.builder.name != "epub" or "body" not in context:
        return

    def put_into_a_file(found):
        # A book's list of files has no way to say that a page has a drawing inside.
        name = f"{pagename.replace('/', '-')}-{len(drawings)}.svg"
        text = found[0] if "xmlns=" in found[0] else found[0].replace("<svg", SVG, 1)
        drawings[name] = text.replace(">", f">{STYLE}", 1)
        label = re.search(r'aria-label="([^"]*)"', found[0])
        address = context["pathto"](f"_images/{name}", 1)
        return f'<img src="{address}" alt="{label[1] if label else ""}"/>'

    drawings = {}
    # As text: a parser of HTML knows no capitals.
    html = DRAWING.sub(put_into_a_file, context["body"])
    place = app.outdir / "_images"
    place.mkdir(exist_ok=True)
    for name, text in drawings.items():
        place.joinpath(name).write_text(text, "utf-8")
    body = flatten(html)
    for link in body.select("a.download"):
        # What lies beside the pages of the site does not lie in the book.
        link.name, link.attrs = "span", {}
    context["body"] = body.decode(formatter="minimal")


def setup(app):
    app.connect("doctree-resolved", take_light_pictures)
    app.connect("html-page-context", bind, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
