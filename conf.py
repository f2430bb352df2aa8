"""Sphinx configuration. Build with ``nox -s docs``."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs/_ext")]

# Project ------------------------------------------------------------------

project = "Flask-Admin on Flask-SQLAlchemy-Lite"
copyright = "2026, the guide's authors"
language = "en"

# General ------------------------------------------------------------------

extensions = ["guide", "myst_parser", "sphinx.ext.autodoc", "sphinx.ext.intersphinx"]
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

html_theme = "furo"
html_title = project
html_static_path = ["docs/_static"]
html_css_files = ["guide.css"]
html_copy_source = False
html_show_sphinx = False

# The repository that a hosted build was made from; links to sources need it.
guide_repository = os.environ.get("READTHEDOCS_GIT_CLONE_URL", "").removesuffix(".git")
