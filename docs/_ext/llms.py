"""Write each page as Markdown, llms.txt as their list and llms-full.txt as all of them.

See https://llmstxt.org. What is written is the page as it is shown, with the code of
the snippets in fences, without the lines that say where each block was run.


"""

import ast
import posixpath
import re

from books import flatten
from docutils import nodes
from markdownify import MarkdownConverter
from sphinx.environment.adapters.toctree import global_toctree_for_doc

HIGHLIGHT = re.compile(r"highlight-(\w+)")


def language(block):
    """The language of a block; as Sphinx does, take for Python what can be parsed."""
    box = block.find_parent(class_=HIGHLIGHT)
    found = HIGHLIGHT.search(" ".join(box["class"]))[1] if box else "none"
    if found == "default":
        try:
            ast.parse(block.get_text())
        except SyntaxError:
            return ""
        return "python"
    return "" if found == "none" else found


class Converter(MarkdownConverter):
    """HTML to Markdown; of a table's cell, which is one line, no bar ends it."""

    def convert_td(self, cell, text, parent_tags):
        return super().convert_td(cell, text.replace("|", "\\|"), parent_tags)

    convert_th = convert_td


CONVERTER = Converter(heading_style="ATX", bullets="-", code_language_callback=language)


def write_page(app, pagename, templatename, context, doctree):
    """Write a page beside the page."""
    if app.builder.name != "html" or doctree is None:
        return
    body = flatten(context["body"])
    for tag in body.select(".sources, svg, .toctree-wrapper"):
        tag.decompose()
    for name, mark in ("dt.sig", "code"), (".admonition-title, .unfolded", "strong"):
        for tag in body.select(name):
            text = tag.get_text()
            tag.clear()
            tag.append(body.new_tag(mark, string=text))
    root = app.config.html_baseurl or "../" * pagename.count("/")
    here = posixpath.dirname(pagename)
    for tag, name in (("a", "href"), ("img", "src")):
        for link in body.select(f"{tag}[{name}]"):
            if not re.match(r"[a-z]+:|#", link[name]):
                path = posixpath.normpath(posixpath.join(here, link[name]))
                link[name] = root + re.sub(r"\.html(?=#|$)", ".md", path)
    text = CONVERTER.convert_soup(body)
    path = app.outdir / f"{pagename}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.strip() + "\n", "utf-8")


def write_lists(app, exception):
    if exception or app.builder.name != "html":
        return
    lines = [f"# {app.config.project}", ""]
    texts = []
    for name in order(app):
        texts.append(app.outdir.joinpath(f"{name}.md").read_text("utf-8"))
        description = app.env.metadata[name].get("description")
        if name == app.config.root_doc:
            lines += [f"> {description}", "", "## Pages", ""]
        title = app.env.titles[name].astext()
        line = f"- [{title}]({app.config.html_baseurl}{name}.md)"
        lines.append(f"{line}: {description}" if description else line)
    app.outdir.joinpath("llms.txt").write_text("\n".join(lines) + "\n", "utf-8")
    app.outdir.joinpath("llms-full.txt").write_text("\n\n".join(texts), "utf-8")


def order(app):
    """The pages in the order of the book."""
    root = app.config.root_doc
    toctree = global_toctree_for_doc(
        app.env, root, app.builder, collapse=False, includehidden=True, maxdepth=-1
    )
    references = toctree.findall(nodes.reference) if toctree else []
    links = (node.get("refuri", "") for node in references)
    by_link = {app.builder.get_target_uri(name): name for name in app.env.found_docs}
    found = [by_link[link] for link in links if link in by_link]
    return list(dict.fromkeys([root, *found]))


def setup(app):
    app.connect("html-page-context", write_page)
    app.connect("build-finished", write_lists)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
