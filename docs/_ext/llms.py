"""Write each page as text, llms.txt as their list and llms-full.txt as all of them.

See https://llmstxt.org. The text is what Sphinx's text builder makes of a page, with
the code of the snippets in it.
"""

from docutils import nodes
from sphinx.environment.adapters.toctree import global_toctree_for_doc


def write_page(app, document, name):
    """Write the text of a page beside the page."""
    if app.builder.name != "html":
        return
    document = document.deepcopy()
    for node in list(document.findall(nodes.Element)):
        if node.tagname == "TabInput":
            node.parent.remove(node)
        elif node.tagname == "TabLabel":
            node.replace_self(nodes.rubric("", "", *node.children))
    builder = app.registry.create_builder(app, "text", app.env)
    builder.secnumbers = {}
    visitor = builder.create_translator(document, builder)
    document.walkabout(visitor)
    path = app.outdir / f"{name}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(visitor.body.strip() + "\n", "utf-8")


def write_lists(app, exception):
    if exception or app.builder.name != "html":
        return
    lines = [f"# {app.config.project}", ""]
    texts = []
    for name in order(app):
        text = app.outdir.joinpath(f"{name}.txt").read_text("utf-8")
        texts.append(text)
        if name == app.config.root_doc:
            lines += [f"> {answer(text)}", "", "## Pages", ""]
        title = app.env.titles[name].astext()
        lines.append(
            f"- [{title}]({app.config.html_baseurl}{name}.txt): {answer(text)}"
        )
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


def answer(text):
    """The verdict of a page, or what it says first."""
    blocks = [" ".join(block.split()) for block in text.split("\n\n")[1:]]
    first = blocks[blocks[0] == "Verdict:"] if len(blocks) > 1 else ""
    return first.removeprefix("* ").replace("**", "")


def setup(app):
    app.connect("doctree-resolved", write_page)
    app.connect("build-finished", write_lists)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
