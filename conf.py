"""Sphinx configuration. Build with ``nox -s docs``."""

import gc
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs/_ext")]
# A build keeps to its end what it makes: to look for garbage takes a fifth of its time.
gc.disable()

# Project ------------------------------------------------------------------

project = "Flask-Admin on Flask-SQLAlchemy-Lite"
copyright = "2026, the guide's authors"
version = release = "2026.11"
language = "en"

# General ------------------------------------------------------------------

extensions = [
    "guide",
    "live",
    "llms",
    "myst_parser",
    "notfound.extension",
    "sphinx.ext.autodoc",
    "sphinx.ext.intersphinx",
    "sphinx_inline_tabs",
    "sphinxext.opengraph",
    "tables",
    "weight",
]
exclude_patterns = ["_*"]
nitpicky = True
default_role = "any"
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "none"
templates_path = ["docs/_templates"]

# Inventories lie in the repository, so that a build asks no other host.
intersphinx_mapping = {
    name: (address, f"_inv/{name}.inv")
    for name, address in {
        "python": "https://docs.python.org/3/",
        "flask": "https://flask.palletsprojects.com/en/stable/",
        "flask-admin": "https://flask-admin.readthedocs.io/en/stable/",
        "flask-sqlalchemy": "https://flask-sqlalchemy.palletsprojects.com/en/stable/",
        "flask-sqlalchemy-lite": "https://flask-sqlalchemy-lite.readthedocs.io/en/latest/",
        "sqlalchemy": "https://docs.sqlalchemy.org/en/21/",
    }.items()
}

# HTML ---------------------------------------------------------------------

# The repository and the address of a hosted build; unset where nothing is hosted.
guide_repository = os.environ.get("READTHEDOCS_GIT_CLONE_URL", "").removesuffix(".git")
html_baseurl = os.environ.get("READTHEDOCS_CANONICAL_URL", "")

html_theme = "furo"
html_title = project
html_static_path = ["docs/_static"]
html_css_files = ["guide.css"]
html_js_files = [("guide.js", {"defer": "defer"})]
html_favicon = "docs/_static/favicon.svg"
html_theme_options = {
    "light_logo": "logo-light.svg",
    "dark_logo": "logo-dark.svg",
}
if guide_repository:
    html_theme_options |= {
        "source_view_link": f"{guide_repository}/blob/main/docs/{{filename}}",
        "source_edit_link": f"{guide_repository}/edit/main/docs/{{filename}}",
    }
html_copy_source = False
html_use_index = False
html_show_sphinx = False

ogp_site_url = html_baseurl
ogp_social_cards = {"enable": False}
if html_baseurl:
    extensions.append("sphinx_sitemap")
    sitemap_url_scheme = "{link}"

# EPUB ---------------------------------------------------------------------

epub_basename = "flask-admin-on-flask-sqlalchemy-lite"
epub_show_urls = "no"
epub_exclude_files = ["404.xhtml", "search.xhtml"]
epub_exclude_files += ["_static/screenshots/fingerprints.json"]
