"""The approaches that are run under load: those that work, and one that does not."""

from packaging.specifiers import SpecifierSet

from tools.measure.compatibility import APPROACHES, installed

CORRECTED = [
    "proxy-sqlalchemy",
    "app-context",
    "scoped-session",
    "scoped-session-apart",
    "session-factory",
    "custom-modelview",
    "lazy-session",
    "flask-sqlalchemy",
]
# The one published workaround that the newest Flask-Admin still starts.
BROKEN = "published-scoped-session-in-context"
# An older Flask-Admin has fewer approaches that work. What fails one check by design,
# a transaction of its own, claims no release.
WORKING = [
    name
    for name in CORRECTED
    if SpecifierSet(APPROACHES[name].get("works", "")).contains(
        installed("Flask-Admin"), prereleases=True
    )
]
