"""Where things are, from the root of the project."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SNIPPETS = ROOT / "snippets"
CLAIMS = ROOT / "data/claims"
RESULTS = ROOT / "data/results"
SCHEMAS = ROOT / "data/schemas"
SITE = ROOT / "build/html"
# The same with what only a host knows: where it lives, and where its source is.
HOSTED = ROOT / "build/hosted"
