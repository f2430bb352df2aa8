"""The two forms differ in whose transaction a hook writes to; each line is needed."""

import pytest

from snippets.models import Tag, User
from snippets.workarounds import scoped_session
from snippets.workarounds.scoped_session import create_app, create_app_apart, db
from tools.measure.contract import CHECKS, one
from tools.measure.removal import without
from tools.measure.surface import Failure, contexts_remembered


@pytest.fixture
def hook(monkeypatch):
    """A hook of the view that writes a second row through ``db.session``."""

    def on_model_change(self, form, model, is_created):
        db.session.add(Tag(name=f"welcome {model.name}"))

    monkeypatch.setattr(scoped_session.UserView, "on_model_change", on_model_change)


@pytest.mark.usefixtures("hook")
@pytest.mark.parametrize(("factory", "kept"), [(create_app, 1), (create_app_apart, 0)])
def test_a_hook_shares_the_transaction_of_the_view(factory, kept, drive):
    surface = drive(factory)
    surface.submit("/admin/user/new/", {"name": "Alan", "email": "alan@example.com"})
    with surface.elsewhere() as session:
        assert one(session, User, name="Alan")
        assert session.query(Tag).filter_by(name="welcome Alan").count() == kept


@pytest.mark.parametrize(
    ("line", "replacement", "check", "message"),
    [
        (
            "scoped_session(lambda: db.session, scopefunc=g._get_current_object)",
            "scoped_session(lambda: db.session, scopefunc=lambda: None)",
            "session-per-thread",
            "two threads share a session",
        ),
        (
            "scoped_session(lambda: db.session, ",
            "scoped_session(lambda: db.sessionmaker(), ",
            "shared-session",
            "the view has another session than db.session",
        ),
    ],
)
def test_removal_shared(line, replacement, check, message, drive):
    module = without(scoped_session, line, replacement)
    with pytest.raises(Failure, match=message):
        CHECKS[check](drive(module.create_app))


def test_removal_of_the_teardown_apart(drive):
    line = (
        "scopefunc=g._get_current_object)\n"
        "    app.teardown_appcontext(lambda error: session.remove())\n"
        "    return session\n\n\n# endregion own"
    )
    kept = line.replace(
        "    app.teardown_appcontext(lambda error: session.remove())\n", ""
    )
    module = without(scoped_session, line, kept)
    with pytest.raises(Failure, match="1 connection kept after GET"):
        CHECKS["connections-returned"](drive(module.create_app_apart))


def test_removal_of_the_teardown_shared(drive):
    """Lite closes the session, but the registry would remember each context."""
    line = "    app.teardown_appcontext(lambda error: session.remove())\n"
    shared = f"{line}    return session\n\n\n# endregion shared"
    module = without(scoped_session, shared, shared.removeprefix(line))
    kept, removed = drive(module.create_app), drive(create_app)
    for surface in kept, removed:
        for _ in range(3):
            surface.get("/admin/user/")
    assert contexts_remembered(kept) - contexts_remembered(removed) == 3
