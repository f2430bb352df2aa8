"""The two forms differ in whose transaction a hook writes to; each line is needed."""

import pytest
from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from snippets.workarounds import scoped_session
from tools.measure import views
from tools.measure.approaches import Approach
from tools.measure.contract import factory, judge
from tools.measure.models import Tag
from tools.measure.removal import without
from tools.measure.surface import Surface
from tools.measure.views import TagView

TEARDOWN = "    app.teardown_appcontext(lambda error: session.remove())\n"


@pytest.mark.parametrize(
    ("add_views", "outcome"),
    [
        (scoped_session.add_views, "ok"),
        (
            scoped_session.add_views_apart,
            "with db.session a hook loses rows, or keeps undone ones",
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


@pytest.mark.parametrize(
    ("add_views", "kept"),
    [(scoped_session.add_views, True), (scoped_session.add_views_apart, False)],
)
def test_a_row_that_a_hook_leaves_to_the_view(
    add_views, kept, new_database, monkeypatch
):
    """The view commits its own session, and with it what a hook added there."""

    class HookView(TagView):
        def on_model_change(self, form, model, is_created):
            scoped_session.db.session.add(Tag(name="from the hook"))

    approach = Approach(scoped_session.db, add_views)
    monkeypatch.setattr(views, "HOOKS", ((HookView, Tag),), raising=False)
    create_app = factory(approach, "HOOKS")
    surface = Surface(create_app, new_database())
    try:
        surface.submit("/admin/tag/new/", {"name": "from the form"})
        page = surface.get("/admin/tag/")
    finally:
        surface.close()
    assert "from the form" in page
    assert ("from the hook" in page) == kept


def test_it_has_a_query_property(tmp_path):
    app = Flask("scoped")
    app.config["SQLALCHEMY_ENGINES"] = {"default": f"sqlite:///{tmp_path}/scoped.db"}
    db = SQLAlchemy(app)

    class Base(DeclarativeBase):
        query = scoped_session.scoped(lambda: db.session).query_property()

    class Mark(Base):
        __tablename__ = "mark"

        id: Mapped[int] = mapped_column(primary_key=True)

    for count in range(2):
        with app.app_context():
            Base.metadata.create_all(db.engine)
            assert Mark.query.count() == count
            db.session.add(Mark())
            db.session.commit()
            assert db.engine.pool.checkedout() == 0
