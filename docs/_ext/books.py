"""What a page becomes where nothing can be clicked: in the books and as Markdown.

Tabs and folds are opened, of a light and a dark picture the light one stays, and what
only a browser can use goes.
"""

from bs4 import BeautifulSoup
from docutils import nodes

# Boxes to type into, buttons, and the marks that link a heading to itself.
ONLY_IN_A_BROWSER = ".on-the-site, .filter, .live, .live-unable, .only-dark, "
ONLY_IN_A_BROWSER += "input, button, .headerlink"


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
    body = flatten(context["body"])
    for link in body.select("a.download"):
        # What lies beside the pages of the site does not lie in the book.
        link.name, link.attrs = "span", {}
    for number, drawing in enumerate(body.select("svg")):
        name = f"{pagename.replace('/', '-')}-{number}.svg"
        place = app.outdir / "_images"
        place.mkdir(exist_ok=True)
        place.joinpath(name).write_text(svg_file(drawing), "utf-8")
        address = context["pathto"](f"_images/{name}", 1)
        alt = drawing.get("aria-label", "")
        drawing.replace_with(body.new_tag("img", src=address, alt=alt))
    context["body"] = body.decode(formatter="minimal")


def svg_file(drawing):
    """A drawing as a file: the list of a book cannot say that a page has one inside."""
    # The parser of HTML has no capitals.
    drawing["viewBox"] = drawing.attrs.pop("viewbox")
    drawing["xmlns"] = "http://www.w3.org/2000/svg"
    style = "path, rect { stroke: #000 } rect { fill: #fff } .tick { opacity: 0.3 }"
    style += " text { font: 13px sans-serif; text-anchor: middle }"
    style += " .name { text-anchor: end }"
    return str(drawing).replace(">", f"><style>{style}</style>", 1)


def setup(app):
    app.connect("doctree-resolved", take_light_pictures)
    app.connect("html-page-context", bind, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
