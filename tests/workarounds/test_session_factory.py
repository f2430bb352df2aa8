"""Each line of the scoped session over a callable is needed."""

import pytest

from snippets.workarounds import session_factory
from tools.measure.approaches import Approach
from tools.measure.contract import judge
from tools.measure.removal import without


@pytest.mark.parametrize(
    ("line", "replacement", "check", "message"),
    [
        (
            ", scopefunc=g._get_current_object",
            ", scopefunc=lambda: app",
            "session-per-thread",
            "two threads share a session",
        ),
        (
            "admin.add_view(view(model, admin_session))",
            "admin.add_view(view(model, get_session))",
            "construct",
            "TypeError: Passing a session object directly is not supported",
        ),
        (
            "admin_session.registry.registry = WeakKeyDictionary()\n",
            "",
            "another-teardown-fails",
            "connections kept: no session is closed",
        ),
    ],
)
def test_removal(line, replacement, check, message, new_database):
    module = without(session_factory, line, replacement)
    # One key for every context, which a weak dictionary can hold.
    module.app = session_factory
    got = judge(Approach(module.db, module.add_views), check, new_database())
    assert got.startswith(message)
