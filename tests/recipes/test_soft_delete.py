"""Deleted rows stay in the table and out of every route."""

import time
from datetime import datetime, timedelta, timezone
from importlib.metadata import version

import pytest
from packaging.version import Version
from sqlalchemy import event, select, text
from wtforms.validators import ValidationError

from snippets.recipes import soft_delete
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts

KEPT, GONE = 1, 2
LIST = "/admin/note/"
# Flask-Admin takes `db` itself from then on.
TAKES_DB = Version(version("flask-admin")) >= Version("2.1")


def stamps(surface):
    with surface.elsewhere() as session:
        found = session.execute(text("SELECT id, deleted_at FROM soft_delete_note"))
        return dict(tuple(row) for row in found)


def delete(surface, path=LIST):
    return surface.delete(path, KEPT)


def bulk_delete(surface, path=LIST):
    return surface.action(path, "delete", [KEPT])


WAYS = [delete, bulk_delete]


@pytest.mark.parametrize("way", WAYS)
def test_deleting_marks_the_row(surface, way):
    page = way(surface)
    assert "successfully deleted" in alerts(page)
    assert stamps(surface)[KEPT] is not None
    assert surface.rows(LIST) == []


def test_a_deleted_row_is_hidden(surface):
    assert ["Kept" in row for row in surface.rows(LIST)] == [True]
    assert "List (1)" in surface.get(LIST)
    assert "Record does not exist" in surface.get(f"{LIST}edit/", id=GONE)


def test_bulk_delete_does_not_move_an_old_mark(surface):
    before = stamps(surface)[GONE]
    surface.action(LIST, "delete", [GONE])
    assert stamps(surface)[GONE] == before


def test_a_row_that_is_gone_cannot_be_deleted_again(surface):
    before = stamps(surface)
    surface.delete(LIST, GONE)
    assert stamps(surface) == before


def test_neither_list_nor_form_has_the_column(surface):
    check_column(surface)


def check_column(surface):
    assert "Deleted At" not in surface.get(LIST)
    data = {"deleted_at": "2026-01-01 00:00:00", "text": "Kept"}
    for path, query in ("new/", {}), ("edit/", {"id": KEPT}):
        assert "deleted_at" not in surface.get(f"{LIST}{path}", **query)
        surface.submit(f"{LIST}{path}", data, **query)
    assert sum(stamp is not None for stamp in stamps(surface).values()) == 1


@pytest.fixture
def new_york():
    """The time zone of this process, and of the connections to PostgreSQL."""
    with pytest.MonkeyPatch.context() as patch:
        for name in "TZ", "PGTZ":
            patch.setenv(name, "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("new_york")
def test_the_time_is_that_of_the_deletion(drive):
    check_time(drive(soft_delete.create_app))


def check_time(surface):
    with surface.app.app_context():
        surface.app.extensions["sqlalchemy"].engine.dispose()
    delete(surface)
    with surface.elsewhere() as session:
        column = soft_delete.Note.__table__.c.deleted_at
        stored = session.scalars(select(column)).all()
    found = max(each.replace(tzinfo=each.tzinfo or timezone.utc) for each in stored)
    assert abs(datetime.now(timezone.utc) - found) < timedelta(minutes=5)


class Hooks:
    """What your view does around a delete."""

    def on_model_delete(self, model):
        self.calls.append(("on", model.text))
        if self.fails:
            raise ValidationError("Not this one.")

    def after_model_delete(self, model):
        self.calls.append(("after", model.text))


@pytest.fixture
def hooked(drive):
    """Start an application whose view has hooks; what they saw is in ``calls``."""

    def make(module=soft_delete, fails=False):
        calls = []
        space = {"calls": calls, "fails": fails}
        view = type("View", (Hooks, module.SoftDeleteView), space)
        module_view, module.SoftDeleteView = module.SoftDeleteView, view
        try:
            surface = drive(module.create_app)
        finally:
            module.SoftDeleteView = module_view
        surface.calls = calls
        return surface

    return make


def check_hooks(hooked):
    for way in WAYS:
        surface = hooked()
        way(surface)
        assert surface.calls == [("on", "Kept"), ("after", "Kept")]


def check_failing_hook(hooked):
    for way in WAYS:
        surface = hooked(fails=True)
        assert "Not this one." in alerts(way(surface))
        assert surface.calls == [("on", "Kept")]
        assert stamps(surface)[KEPT] is None


def check_failing_commit(hooked):
    for way in WAYS:
        surface = hooked()

        def fail(session):
            raise RuntimeError("no commit today")

        with surface.app.app_context():
            maker = surface.app.extensions["sqlalchemy"].sessionmaker
            # Flask-Admin commits once more after a bulk action.
            event.listen(maker, "before_commit", fail, once=True)
        page = way(surface)
        assert "Failed to delete record." in alerts(page)
        assert "no commit today" not in page
        assert "Record was successfully" not in alerts(page)
        assert surface.calls == [("on", "Kept")]
        assert stamps(surface)[KEPT] is None
        assert len(surface.rows(LIST)) == 1


HOOKS = [check_hooks, check_failing_hook, check_failing_commit]


@pytest.mark.parametrize("check", HOOKS)
def test_hooks(check, hooked):
    check(hooked)


@pytest.mark.skipif(not TAKES_DB, reason="Flask-Admin 2.1 is the first to take db")
@pytest.mark.parametrize("way", WAYS)
def test_with_db_in_place_of_the_session(drive, way):
    check_with_db(drive, soft_delete, way)


def check_with_db(drive, module, way):
    def create_app(config):
        app = module.create_app(config)
        view = module.SoftDeleteView(module.Note, module.db, endpoint="by_db")
        app.extensions["admin"][0].add_view(view)
        return app

    surface = drive(create_app)
    way(surface, "/admin/by_db/")
    assert stamps(surface)[KEPT] is not None
    assert surface.rows("/admin/by_db/") == []


@pytest.mark.skipif(not TAKES_DB, reason="Flask-Admin 2.1 is the first to take db")
def test_trap_self_session(drive):
    line = "db.session.commit()\n        except"
    module = without(soft_delete, line, f"self.{line[3:]}")
    with pytest.raises(AssertionError):
        check_with_db(drive, module, delete)


def test_the_fast_way_deletes_the_row(drive):
    line = "    form_excluded_columns"
    module = without(soft_delete, line, f"    fast_mass_delete = True\n{line}")
    surface = drive(module.create_app)
    bulk_delete(surface)
    assert KEPT not in stamps(surface)


@pytest.mark.parametrize(
    ("line", "replacement", "test"),
    [
        (
            "return super().get_query().filter(self.model.deleted_at.is_(None))",
            "return super().get_query()",
            test_a_deleted_row_is_hidden,
        ),
        (
            "return super().get_count_query().filter(self.model.deleted_at.is_(None))",
            "return super().get_count_query()",
            test_a_deleted_row_is_hidden,
        ),
        (
            "return None if found is None or found.deleted_at else found",
            "return found",
            test_a_deleted_row_is_hidden,
        ),
        (
            "return None if found is None or found.deleted_at else found",
            "return found",
            test_a_row_that_is_gone_cannot_be_deleted_again,
        ),
        (
            "model.deleted_at = datetime.now(timezone.utc)",
            "self.session.delete(model)",
            lambda surface: test_deleting_marks_the_row(surface, delete),
        ),
        ('form_excluded_columns = ["deleted_at"]', "", check_column),
        ('column_exclude_list = ["deleted_at"]', "", check_column),
    ],
)
def test_removal(line, replacement, test, drive):
    module = without(soft_delete, line, replacement)
    with pytest.raises((AssertionError, Failure, KeyError)):
        test(drive(module.create_app))


@pytest.mark.parametrize(
    ("line", "replacement", "check"),
    [
        ("            self.on_model_delete(model)\n", "", check_hooks),
        ("        self.after_model_delete(model)\n", "", check_hooks),
        ("self.handle_view_exception(error)", "False", check_failing_hook),
        ("            db.session.rollback()\n", "", check_failing_commit),
        ('flash("Failed to delete record.", "error")', "pass", check_failing_commit),
        ("            return False\n", "", check_failing_commit),
    ],
)
def test_removal_in_the_deletion(line, replacement, check, hooked):
    module = without(soft_delete, line, replacement)
    with pytest.raises((AssertionError, Failure)):
        check(lambda **options: hooked(module, **options))


@pytest.mark.usefixtures("new_york")
def test_removal_of_the_time_zone(drive, pytestconfig):
    if not pytestconfig.getoption("server"):
        pytest.skip("SQLite stores no time zone: give --server")
    module = without(soft_delete, "DateTime(timezone=True)", "DateTime()")
    with pytest.raises(AssertionError):
        check_time(drive(module.create_app))
