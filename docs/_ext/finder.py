"""The index that the search page looks into: docs/_static/search/search.js reads it.

Sphinx's own index knows no synonyms, forgives no typo and has no text for an excerpt.
This one has a part for each section, and one for each error message and its fix.
"""

import json
import re

from docutils import nodes
from tables import Guide, read_claims

# A table of results is no prose; its first rows say what it is about.
LONGEST = 1500
NAME = re.compile(r"[^\W\d]\w{3,}")


def note_parts(app, doctree):
    """Keep the text of each section, where reading in parallel merges it."""
    parts = app.env.metadata[app.env.docname]["parts"] = []
    for section in doctree.findall(nodes.section):
        title = section.next_node(nodes.title).astext()
        texts, names = [], set()
        for child in section.children[1:]:
            if isinstance(child, nodes.section):
                break
            if "no-search" in child.get("classes", ()):
                continue
            for node in child.findall(leaf):
                if isinstance(node, nodes.literal_block):
                    names |= {*NAME.findall(node.astext())}
                else:
                    texts.append(" ".join(node.astext().split()))
        part = {"anchor": section["ids"][0], "title": title}
        part["text"] = " ".join(texts)[:LONGEST]
        parts.append(part | {"code": " ".join(sorted(names))})


def leaf(node):
    """A block of text that is in no other block of text."""
    inline = isinstance(node, nodes.Inline | nodes.Invisible | nodes.raw)
    return isinstance(node, nodes.TextElement) and not inline


def write_index(app, exception):
    if exception or app.builder.name != "html":
        return
    env, parts = app.env, []
    for name in sorted(env.found_docs):
        about, page = env.metadata[name], env.titles[name].astext()
        first, *others = about.get("parts") or [{"text": "", "code": ""}]
        also = [name, about.get("description"), about.get("group"), about.get("cause")]
        also = " ".join(filter(None, also))
        parts.append(first | {"url": name, "page": page, "also": also, "anchor": ""})
        # The sections of the page of messages are below, as what they lead to.
        others = [] if name == "errors" else others
        parts += [part | {"url": name, "page": page} for part in others]
    # A guide without the page of the messages has none.
    errors = Guide().errors() if "errors" in env.found_docs else {}
    for message, causes in errors.items():
        for place, each in enumerate(causes):
            page = env.titles[each["page"]].astext()
            part = {"url": each["page"], "page": page, "title": message}
            text = re.sub(r"`|\]\(.*?\)|\[", "", f"{each['cause']} {each['write']}")
            part |= {"error": message, "text": text.strip(), "place": place}
            parts.append(part)
    for part in parts:
        # The title of a page is that of its first section.
        if part.get("title") == part["page"]:
            del part["title"]
    synonyms = read_claims("synonyms")["groups"]
    found = {"parts": parts, "synonyms": synonyms}
    text = f"guideIndex = {json.dumps(found, ensure_ascii=False)};\n"
    app.outdir.joinpath("_static/search/index.js").write_text(text, "utf-8")


def leave_out_sphinx(app):
    """Nobody reads the index that Sphinx would make."""
    if app.builder.name == "html":
        app.builder.search = False


def setup(app):
    app.connect("builder-inited", leave_out_sphinx)
    app.connect("doctree-read", note_parts)
    app.connect("build-finished", write_index)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
