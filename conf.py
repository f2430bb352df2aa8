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
copyright = "2026, the guide's authors"
version = release = "2026.11"
extensions = ["guide", "live", "llms", "myst_parser", "notfound.extension"]
extensions += ["sphinx.ext.autodoc", "sphinx.ext.intersphinx"]
extensions += ["sphinx_inline_tabs", "sphinxext.opengraph", "tables"]
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
html_copy_source = html_use_index = html_show_sphinx = False

# The repository and the address of a hosted build; unset where nothing is hosted.
guide_repository = os.environ.get("READTHEDOCS_GIT_CLONE_URL", "").removesuffix(".git")
html_baseurl = ogp_site_url = os.environ.get("READTHEDOCS_CANONICAL_URL", "")
ogp_social_cards = {"enable": False}
if guide_repository:
    for action, way in ("view", "blob"), ("edit", "edit"):
        address = f"{guide_repository}/{way}/main/docs/{{filename}}"
        html_theme_options[f"source_{action}_link"] = address
extensions += ["sphinx_sitemap"] if html_baseurl else []
sitemap_url_scheme = "{link}"

epub_basename = "flask-admin-on-flask-sqlalchemy-lite"
epub_show_urls = "no"
epub_exclude_files = ["404.xhtml", "search.xhtml"]
epub_exclude_files += ["doctor.py", "_static/screenshots/fingerprints.json"]
