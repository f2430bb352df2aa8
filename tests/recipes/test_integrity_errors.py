"""A refused commit ends in a sentence, loses nothing and harms no later request."""

import re
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from snippets.recipes import integrity_errors, stale_data
from snippets.recipes.integrity_errors import BookView, FriendlyErrors, db
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts

BEFORE = [("1", "Notes", 1), ("2", "Letters", 1)]
NEW = {"isbn": "3", "title": "Third", "author": "1"}
TAKEN = {"isbn": "3", "title": "Notes", "author": "1"}
REFUSED = (
    "UNIQUE constraint failed: catalogue.author_id, catalogue.title"
    "|duplicate key value violates unique constraint"
)
SQLITE = pytest.mark.skipif(
    "config.getoption('server')", reason="a setting that SQLite alone needs"
)
ROLLED_BACK = (
    "PendingRollbackError: This Session's transaction has been rolled back "
    "due to a previous exception during flush."
)


def books(surface):
    with surface.elsewhere() as session:
        rows = session.execute(
            text("SELECT isbn, title, author_id FROM catalogue ORDER BY id")
        )
        return [tuple(row) for row in rows]


def the_next_request_works(surface):
    page = surface.submit("/admin/book/new/", NEW)
    assert "successfully" in alerts(page)
    assert len(books(surface)) == 3


def test_a_value_that_the_form_checks(surface):
    page = surface.submit("/admin/book/new/", NEW | {"isbn": "2"})
    assert "Already exists." in page
    assert 'value="Third"' in page
    assert books(surface) == BEFORE


@pytest.mark.parametrize(
    ("path", "query"), [("/admin/book/new/", {}), ("/admin/book/edit/", {"id": 2})]
)
def test_values_that_only_the_database_checks(surface, caplog, path, query):
    page = surface.submit(path, TAKEN, **query)
    assert alerts(page).endswith("Not done: another row has these values.")
    assert 'value="3"' in page
    assert 'value="Notes"' in page
    assert ">Ada</option>" in page
    assert "sqlite" not in page
    assert "unique constraint" not in page.lower()
    assert re.search(REFUSED, caplog.text)
    assert books(surface) == BEFORE
    the_next_request_works(surface)


def test_inline_edit(surface):
    data = surface.signed("/admin/book/", list_form_pk=2, title="Notes")
    answer = surface.client.post("/admin/book/ajax/update/", data=data)
    assert "Not done: another row has these values." in answer.text
    the_next_request_works(surface)


def test_two_people_at_the_same_moment(surface, monkeypatch):
    def be_overtaken(view, form, model, is_created):
        with surface.elsewhere() as session:
            session.execute(text("INSERT INTO catalogue VALUES (9, '3', 'Other', 1)"))
            session.commit()

    monkeypatch.setattr(BookView, "on_model_change", be_overtaken)
    page = surface.submit("/admin/book/new/", NEW)
    assert alerts(page).endswith("Not done: another row has these values.")


@pytest.mark.parametrize("bulk", [False, True])
def test_deleting_what_others_refer_to(surface, bulk):
    path = "/admin/author/"
    page = surface.action(path, "delete", [1]) if bulk else surface.delete(path, 1)
    assert "Not done: other rows refer to this one." in alerts(page)
    assert books(surface) == BEFORE
    assert len(surface.rows("/admin/author/")) == 1
    the_next_request_works(surface)


def test_what_the_user_sees_without_it(surface, monkeypatch):
    monkeypatch.delattr(FriendlyErrors, "handle_view_exception")
    said = alerts(surface.submit("/admin/book/new/", TAKEN))
    assert re.search(rf"Integrity error\. \(.+\) ({REFUSED})", said)
    assert "[SQL: INSERT INTO catalogue" in said
    the_next_request_works(surface)


def test_another_refusal(surface, monkeypatch):
    def forget(view, form, model, is_created):
        model.title = None

    monkeypatch.setattr(BookView, "on_model_change", forget)
    page = surface.submit("/admin/book/new/", NEW)
    assert alerts(page).endswith("Not done: the database refused this.")


def test_an_error_that_a_hook_keeps_to_itself(surface, monkeypatch):
    def swallow(view, form, model, is_created):
        with suppress(IntegrityError):
            db.session.flush()

    monkeypatch.setattr(BookView, "on_model_change", swallow)
    said = alerts(surface.submit("/admin/book/new/", TAKEN))
    assert ROLLED_BACK.split(": ")[1] in said
    the_next_request_works(surface)


def query_in_the_handler(surface, module, monkeypatch):
    def query(view, exc):
        view.session.get(module.Author, 1)

    with monkeypatch.context() as patch:
        patch.setattr(module.FriendlyErrors, "handle_view_exception", query)
        with pytest.raises(Failure, match=ROLLED_BACK):
            surface.submit("/admin/book/new/", TAKEN)


def test_a_query_in_the_handler(surface, monkeypatch):
    query_in_the_handler(surface, integrity_errors, monkeypatch)
    the_next_request_works(surface)


def test_with_a_kept_session_every_later_request_fails(drive, monkeypatch):
    module = without(integrity_errors, "LazySession(db)", "kept(db)")
    module.kept = stale_data.kept
    surface = drive(module.create_app)

    query_in_the_handler(surface, module, monkeypatch)
    for _ in range(2):
        with pytest.raises(Failure, match=ROLLED_BACK):
            surface.get("/admin/author/")


def values(surface, caplog):
    query = {"path": "/admin/book/new/", "query": {}}
    test_values_that_only_the_database_checks(surface, caplog, **query)


def deletion(surface, caplog):
    test_deleting_what_others_refer_to(surface, bulk=False)


@pytest.mark.parametrize(
    ("line", "replacement", "test"),
    [
        ("if not isinstance(exc, IntegrityError):", "if True:", values),
        ('current_app.logger.warning("%s: %s", self.name, exc)', "pass", values),
        ('"unique": "Not done: another row has these values.",', "", values),
        ('"foreign key": "Not done: other rows refer to this one.",', "", deletion),
        pytest.param(
            'connection.execute("PRAGMA foreign_keys = ON")',
            "pass",
            deletion,
            marks=SQLITE,
        ),
        pytest.param(
            'event.listen(db.engine, "connect", check_foreign_keys)',
            "pass",
            deletion,
            marks=SQLITE,
        ),
        ('UniqueConstraint("author_id", "title"),', "", values),
    ],
)
def test_removal(line, replacement, test, drive, caplog):
    module = without(integrity_errors, line, replacement)
    with pytest.raises(AssertionError):
        test(drive(module.create_app), caplog)
