"""The two forms differ in whose transaction a hook writes to; each line is needed."""

import pytest

from snippets.workarounds import scoped_session
from tools.measure.approaches import Approach
from tools.measure.contract import judge
from tools.measure.removal import without

TEARDOWN = "    app.teardown_appcontext(lambda error: session.remove())\n"


@pytest.mark.parametrize(
    ("add_views", "outcome"),
    [
        (scoped_session.add_views, "ok"),
        (
            scoped_session.add_views_apart,
            "with db.session the rows are ['new', 'new after', 'new nested', 'past', "
            "'past after', 'past nested', 'renamed']",
        ),
    ],
)
def test_a_hook_shares_the_transaction_of_the_view(add_views, outcome, new_database):
    approach = Approach(scoped_session.db, add_views)
    assert judge(approach, "db-session", new_database()) == outcome


@pytest.mark.parametrize(
    ("line", "replacement", "function", "check", "message"),
    [
        (
            "scopefunc=g._get_current_object",
            "scopefunc=lambda: app",
            "add_views",
            "session-per-thread",
            "two threads share a session",
        ),
        (
            "scoped(lambda: db.session)",
            "scoped(lambda: db.sessionmaker())",
            "add_views",
            "shared-session",
            "the view has another session than db.session",
        ),
        (
            "    session.registry.registry = WeakKeyDictionary()\n",
            "",
            "add_views",
            "another-teardown-fails",
            "connections kept: no session is closed",
        ),
        (
            TEARDOWN,
            "",
            "add_views_apart",
            "connections-returned",
            "1 connection kept after GET /admin/user/",
        ),
    ],
)
def test_removal(line, replacement, function, check, message, new_database):
    module = without(scoped_session, line, replacement)
    # One key for every context, which a weak dictionary can hold.
    module.app = scoped_session
    approach = Approach(module.db, getattr(module, function))
    assert judge(approach, check, new_database()) == message
