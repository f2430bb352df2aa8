"""The approaches that are run on PostgreSQL: those that work, and one that does not."""

from tools.measure import compatibility

CORRECTED = [
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
# An older Flask-Admin has fewer approaches that work.
WORKING = [
    name
    for name in CORRECTED
    if compatibility.committed_cell(name)["failed"].keys() <= {"shared-session"}
]
