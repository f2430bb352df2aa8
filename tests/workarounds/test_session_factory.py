"""Each line of the scoped session over a callable is needed."""

import pytest

from snippets.workarounds import session_factory
from tools.measure.contract import CHECKS
from tools.measure.removal import without
from tools.measure.surface import Failure, contexts_remembered


def test_removal_of_the_scope(drive):
    scope = ", scopefunc=g._get_current_object"
    module = without(session_factory, scope, ", scopefunc=lambda: None")
    with pytest.raises(Failure, match="two threads share a session"):
        CHECKS["session-per-thread"](drive(module.create_app))


def test_removal_of_the_scoped_session(drive):
    line = "    session = scoped(app)\n"
    module = without(session_factory, line, "    session = get_session\n")
    with pytest.raises(TypeError, match="Passing a session object directly is not"):
        drive(module.create_app)


def test_removal_of_the_teardown(drive):
    line = "    app.teardown_appcontext(lambda error: session.remove())\n"
    kept, removed = (
        drive(without(session_factory, line).create_app),
        drive(session_factory.create_app),
    )
    for surface in kept, removed:
        for _ in range(3):
            surface.get("/admin/user/")
    assert contexts_remembered(kept) - contexts_remembered(removed) == 3
