"""Where things are, from the root of the project."""

from pathlib import Path

ROOT = Path(__file__).parent.parent
SNIPPETS = ROOT / "snippets"
CLAIMS = ROOT / "data/claims"
RESULTS = ROOT / "data/results"
SITE = ROOT / "build/html"
