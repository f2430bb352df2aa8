"""Each line of the lazy session is needed: without it a check of the contract fails."""

import pytest

from snippets.workarounds import lazy_session
from tools.measure.contract import CHECKS
from tools.measure.removal import without
from tools.measure.surface import Failure


def test_without_the_session_attribute(drive):
    module = without(
        lazy_session, "@property\n    def session(self)", "def other(self)"
    )
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        drive(module.create_app)


def test_without_the_underscore_guard(drive):
    guard = 'if name.startswith("_"):\n            raise AttributeError(name)'
    module = without(lazy_session, guard)
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        drive(module.create_app)


@pytest.mark.parametrize(
    ("check", "message"),
    [
        ("fresh-read", "stale: the next request shows the old value"),
        ("session-per-request", "two requests share a session"),
        ("session-per-thread", "two threads share a session"),
        ("connections-returned", "1 connection kept after GET /admin/post/"),
    ],
)
def test_with_the_first_session_kept(check, message, drive):
    late = "return getattr(self.db.session, name)"
    kept = 'return getattr(vars(self).setdefault("kept", self.db.session), name)'
    module = without(lazy_session, late, kept)
    with pytest.raises(Failure, match=f"^{message}$"):
        CHECKS[check](drive(module.create_app))


def test_an_object_that_is_no_session_attribute():
    session = lazy_session.LazySession(lazy_session.db)
    assert not hasattr(session, "_action")
    assert session.session is session
