"""What a page tells machines: its description, its data, one stylesheet, the sitemap.

* A page without ``description:`` in its front matter, or with one that a search engine
  would cut, is a warning, and so fails a build with ``-W``.
* The stylesheets of the theme, of its extensions and of the guide become one file.
"""

import hashlib
import json
import re
from html import escape

from sphinx.util import logging

from tools import results

logger = logging.getLogger(__name__)
LENGTH = range(70, 156)
STYLES = "site.css"
JOINED = ["pygments.css", "styles/furo.css", "tabs.css", "styles/furo-extensions.css"]
JOINED += ["guide.css"]
SITEMAP = '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">'


def check_description(app, doctree):
    """Warn of a page that has no description, or one of a bad length."""
    name = app.env.docname
    text = app.env.metadata[name].get("description", "")
    if len(text) not in LENGTH:
        limits = f"{LENGTH.start} to {LENGTH.stop - 1} characters"
        why = f"description has {len(text)} characters, not {limits}"
        logger.warning(why, location=(name, 1))


def describe(app, pagename, templatename, context, doctree):
    """Put the description where the theme and sphinxext-opengraph look for it."""
    if doctree is None or app.builder.name != "html":
        return
    meta = context["meta"] or {}
    text = meta.get("description")
    if text:
        context["metatags"] += f'<meta name="description" content="{escape(text)}">'
    # The first words of a page, which the extension would take, may be cut in code.
    context["meta"] = {**meta, "og:description": text or context["title"]}


def add_data(app, pagename, templatename, context, doctree):
    """Say as JSON-LD what the page is and when its claims were last run."""
    if doctree is None or app.builder.name != "html":
        return
    found = {
        "@context": "https://schema.org",
        "@type": "TechArticle",
        "headline": app.env.titles[pagename].astext(),
        "description": (context["meta"] or {}).get("description"),
        "dateModified": results.resolutions()["date"],
        "inLanguage": "en",
        "url": context.get("pageurl"),
        "isPartOf": {"@type": "WebSite", "name": app.config.project},
        "license": "https://spdx.org/licenses/MIT",
    }
    text = json.dumps({key: value for key, value in found.items() if value})
    # Nothing in a title may end the element.
    text = text.replace("<", "\\u003c")
    context["metatags"] += f'<script type="application/ld+json">{text}</script>'


def level(app, pagename, templatename, context, doctree):
    """Sphinx's captions are headings without a level."""
    for part in "furo_navigation_tree", "body":
        if text := context.get(part):
            text = text.replace('role="heading">', 'role="heading" aria-level="2">')
            context[part] = text


def join_styles(app, pagename, templatename, context, doctree):
    """Link one stylesheet: each one that blocks costs a journey to the host."""
    names = [f"_static/{name}" for name in JOINED]
    sheets = context["css_files"]
    joined = [sheet for sheet in sheets if sheet.filename in names]
    if app.builder.name != "html" or len(joined) != len(names):
        return
    # Sphinx's link has a hash of the file, by which a browser knows that it changed.
    links = "".join(re.findall(r"\?v=(\w+)", "".join(map(context["css_tag"], joined))))
    version = hashlib.sha256(links.encode()).hexdigest()[:8]
    address = context["pathto"](f"_static/{STYLES}", 1)
    context["site_styles"] = f"{address}?v={version}"
    context["css_files"] = [sheet for sheet in sheets if sheet not in joined]


def write(app, exception):
    """Write the stylesheet, and for a host the sitemap and robots.txt."""
    if exception or app.builder.name != "html":
        return
    place = app.outdir / "_static"
    sheets = [place.joinpath(name).read_text("utf-8") for name in JOINED]
    place.joinpath(STYLES).write_text("\n".join(sheets), "utf-8")
    if not (root := app.config.html_baseurl):
        return
    date = f"<lastmod>{results.resolutions()['date']}</lastmod>"
    links = map(app.builder.get_target_uri, sorted(app.env.found_docs))
    rows = [f"<url><loc>{escape(root + link)}</loc>{date}</url>" for link in links]
    text = "\n".join(['<?xml version="1.0" encoding="utf-8"?>', SITEMAP, *rows])
    app.outdir.joinpath("sitemap.xml").write_text(f"{text}\n</urlset>\n", "utf-8")
    robots = f"User-agent: *\nAllow: /\nSitemap: {root}sitemap.xml\n"
    app.outdir.joinpath("robots.txt").write_text(robots, "utf-8")


def setup(app):
    app.connect("doctree-read", check_description)
    # Before sphinxext-opengraph, which would take the first words of the page.
    app.connect("html-page-context", describe, priority=400)
    app.connect("html-page-context", add_data, priority=600)
    app.connect("html-page-context", level, priority=900)
    app.connect("html-page-context", join_styles, priority=900)
    # After the theme has written its colours.
    app.connect("build-finished", write, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
