"""Each line of the proxy is needed: without it a check of the contract fails."""

import pytest

from snippets.workarounds import lazy_session
from tools.measure.approaches import Approach
from tools.measure.contract import judge
from tools.measure.removal import without

OUTSIDE = "RuntimeError: Working outside of application context."
GUARD = """        # Flask-Admin looks for "_action" while the views are made.
        if name.startswith("_") and not has_app_context():
            raise AttributeError(name)
"""
CALL = """    def __call__(self):
        return self._get_current_object()
"""


@pytest.mark.parametrize(
    ("line", "replacement", "check", "message"),
    [
        ("@property\n    def session", "def other", "construct", OUTSIDE),
        (GUARD, "", "construct", OUTSIDE),
        (
            CALL,
            "",
            "self-session",
            "with self.session these fail: call (TypeError: 'Session' object is not",
        ),
    ],
)
def test_removal(line, replacement, check, message, new_database):
    module = without(lazy_session, line, replacement)
    got = judge(Approach(module.db, module.add_views), check, new_database())
    assert got.startswith(message)


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("fresh-read", "stale: the next request shows the old value"),
        ("session-per-request", "two requests share a session"),
        ("session-per-thread", "two threads share a session"),
        ("threads", "two requests share a session"),
        ("connections-returned", "1 connection kept after GET /admin/post/"),
    ],
)
def test_with_the_first_session_kept(check, message, new_database):
    late = "super().__init__(db.get_session)"
    kept = """kept = []
        first = lambda: kept[0] if kept else kept.append(db.get_session()) or kept[0]
        super().__init__(first)"""
    module = without(lazy_session, late, kept)
    got = judge(Approach(module.db, module.add_views), check, new_database())
    assert got == message


def test_what_it_is_outside_of_a_context():
    session = lazy_session.LazySession(lazy_session.db)
    assert not hasattr(session, "_action")
    assert session.session is session
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        session.query  # noqa: B018
