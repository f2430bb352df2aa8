"""Sphinx configuration. Build with ``nox -s docs``."""

import gc
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs/_ext")]
# A build keeps to its end what it makes: to look for garbage takes a fifth of its time.
gc.disable()

project = html_title = "Flask-Admin on Flask-SQLAlchemy-Lite"
author = "the guide's authors"
copyright = f"2026, {author}"
version = release = "2026.11"
extensions = ["books", "finder", "guide", "heads", "live", "llms", "starter", "tables"]
extensions += ["myst_parser", "notfound.extension", "sphinx_inline_tabs"]
extensions += ["sphinx.ext.autodoc", "sphinx.ext.intersphinx", "sphinxext.opengraph"]
exclude_patterns = ["_*"]
templates_path = ["docs/_templates"]
default_role = "any"
myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist"]
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "none"

SITES = {
    "python": "https://docs.python.org/3/",
    "flask": "https://flask.palletsprojects.com/en/stable/",
    "flask-admin": "https://flask-admin.readthedocs.io/en/stable/",
    "flask-sqlalchemy": "https://flask-sqlalchemy.palletsprojects.com/en/stable/",
    "flask-sqlalchemy-lite": "https://flask-sqlalchemy-lite.readthedocs.io/en/latest/",
    "sqlalchemy": "https://docs.sqlalchemy.org/en/21/",
}
# Inventories lie in the repository, so that a build asks no other host.
intersphinx_mapping = {name: (SITES[name], f"_inv/{name}.inv") for name in SITES}

html_theme = "furo"
html_static_path = ["docs/_static"]
html_extra_path = ["docs/_extra"]
html_css_files = ["guide.css"]
html_js_files = [("guide.js", {"defer": "defer"})]
html_favicon = "docs/_static/favicon.svg"
html_theme_options = {"light_logo": "logo-light.svg", "dark_logo": "logo-dark.svg"}
html_additional_pages = {"search": "search.html"}
html_copy_source = html_use_index = html_show_sphinx = False

# The repository and the address of a hosted build; unset where nothing is hosted.
guide_repository = os.environ.get("READTHEDOCS_GIT_CLONE_URL", "").removesuffix(".git")
html_baseurl = ogp_site_url = os.environ.get("READTHEDOCS_CANONICAL_URL", "")
ogp_social_cards = {"enable": False}
ogp_image = "_static/screenshots/list-light.webp"
ogp_image_alt = "A list of posts in Flask-Admin"
ogp_enable_meta_description = False
if guide_repository:
    for action, way in ("view", "blob"), ("edit", "edit"):
        address = f"{guide_repository}/{way}/main/docs/{{filename}}"
        html_theme_options[f"source_{action}_link"] = address

epub_basename = "flask-admin-on-flask-sqlalchemy-lite"
epub_show_urls = "no"
# The pages are in toctrees that the sidebar shows, and no page.
epub_tocscope = "includehidden"
epub_tocdepth = 3
epub_exclude_files = ["404.xhtml", "search.xhtml", "doctor.py"]
# A book holds the pictures of its pages, not those of the site too.
SCREENSHOTS = ROOT.glob("docs/_static/screenshots/*")
epub_exclude_files += [f"_static/screenshots/{path.name}" for path in SCREENSHOTS]
