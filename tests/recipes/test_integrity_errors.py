"""A rejected commit ends in a sentence, loses nothing and harms no later request."""

import re
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import scoped_session

from snippets.recipes import integrity_errors
from snippets.recipes.integrity_errors import FriendlyErrors, PostView, db
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts

BEFORE = [("1", "Notes", 1), ("2", "Letters", 1)]
NEW = {"slug": "3", "title": "Third", "author": "1"}
TAKEN = {"slug": "3", "title": "Notes", "author": "1"}
REJECTED = (
    "UNIQUE constraint failed: "
    "integrity_errors_post.author_id, integrity_errors_post.title"
    "|duplicate key value violates unique constraint"
    "|.*Duplicate entry"
)
SECRET = "17" * 8
DUPLICATE = "Not done: another row has these values."
REFERENCE = "Not done: other rows refer to this one, or it refers to one that is gone."
SQLITE = pytest.mark.skipif(
    "config.getoption('server')", reason="a setting that SQLite alone needs"
)
ROLLED_BACK = (
    "PendingRollbackError: This Session's transaction has been rolled back "
    "due to a previous exception during flush."
)


def posts(surface):
    query = text("SELECT slug, title, author_id FROM integrity_errors_post ORDER BY id")
    with surface.elsewhere() as session:
        return [tuple(row) for row in session.execute(query)]


def the_next_request_works(surface):
    page = surface.submit("/admin/post/new/", NEW)
    assert "successfully" in alerts(page)
    assert len(posts(surface)) == 3


def check_the_log(caplog):
    """It says what was rejected, and repeats no value of the row."""
    [record] = caplog.records
    said = record.getMessage()
    assert said.startswith(f"Post: {DUPLICATE} ")
    assert re.search("(INSERT INTO|UPDATE) integrity_errors_post", said)
    assert "Notes" not in caplog.text


def test_a_value_that_the_form_checks(surface):
    page = surface.submit("/admin/post/new/", NEW | {"slug": "2"})
    assert "Already exists." in page
    assert 'value="Third"' in page
    assert posts(surface) == BEFORE


@pytest.mark.parametrize(
    ("path", "query"), [("/admin/post/new/", {}), ("/admin/post/edit/", {"id": 2})]
)
def test_values_that_only_the_database_checks(surface, caplog, path, query):
    page = surface.submit(path, TAKEN, **query)
    assert alerts(page).endswith(DUPLICATE)
    assert 'value="3"' in page
    assert 'value="Notes"' in page
    assert ">Ada</option>" in page
    assert "sqlite" not in page
    assert "unique constraint" not in page.lower()
    check_the_log(caplog)
    assert posts(surface) == BEFORE
    the_next_request_works(surface)


def test_inline_edit(surface):
    data = surface.signed("/admin/post/", list_form_pk=2, title="Notes")
    answer = surface.client.post("/admin/post/ajax/update/", data=data)
    assert DUPLICATE in answer.text
    the_next_request_works(surface)


def insert(*values):
    names = "id", "slug", "title", "author_id"
    statement = "INSERT INTO integrity_errors_post (id, slug, title, author_id) "
    statement += "VALUES (:id, :slug, :title, :author_id)"
    return text(statement).bindparams(**dict(zip(names, values, strict=True)))


def test_two_people_at_the_same_moment(surface, monkeypatch):
    def be_overtaken(view, form, model, is_created):
        with surface.elsewhere() as session:
            session.execute(insert(9, "3", "Other", 1))
            session.commit()

    monkeypatch.setattr(PostView, "on_model_change", be_overtaken)
    page = surface.submit("/admin/post/new/", NEW)
    assert alerts(page).endswith(DUPLICATE)


@pytest.mark.parametrize("bulk", [False, True])
def test_deleting_what_others_refer_to(surface, bulk):
    path = "/admin/user/"
    page = surface.action(path, "delete", [1]) if bulk else surface.delete(path, 1)
    assert REFERENCE in alerts(page)
    assert posts(surface) == BEFORE
    assert len(surface.rows("/admin/user/")) == 1
    the_next_request_works(surface)


def test_a_row_that_refers_to_one_that_is_gone(surface, monkeypatch):
    def refer(view, form, model, is_created):
        with db.session.no_autoflush:
            db.session.execute(insert(9, "9", "Lost", 99))

    monkeypatch.setattr(PostView, "on_model_change", refer)
    assert REFERENCE in alerts(surface.submit("/admin/post/new/", NEW))
    assert posts(surface) == BEFORE


def test_what_the_user_sees_without_it(surface, monkeypatch):
    monkeypatch.delattr(FriendlyErrors, "handle_view_exception")
    said = alerts(surface.submit("/admin/post/new/", TAKEN))
    assert re.search(rf"Integrity error\. \(.+\) ({REJECTED})", said)
    assert "[SQL: INSERT INTO integrity_errors_post" in said
    the_next_request_works(surface)


def other_error(module, drive, monkeypatch, caplog):
    """Flask-Admin shows and logs what the database says, but for the parameters."""

    def fail(view, form, model, is_created):
        statement = text("SELECT :secret FROM nowhere")
        module.db.session.execute(statement, {"secret": SECRET})

    monkeypatch.setattr(module.PostView, "on_model_change", fail)
    page = drive(module.create_app).submit("/admin/post/new/", NEW)
    assert "nowhere" in alerts(page)
    assert "nowhere" in caplog.text
    assert SECRET not in page
    assert SECRET not in caplog.text


def test_the_values_of_other_errors_are_hidden(drive, monkeypatch, caplog):
    other_error(integrity_errors, drive, monkeypatch, caplog)


def test_another_rejection(surface, monkeypatch):
    def forget(view, form, model, is_created):
        model.title = None

    monkeypatch.setattr(PostView, "on_model_change", forget)
    page = surface.submit("/admin/post/new/", NEW)
    assert alerts(page).endswith("Not done: the database rejected this.")


def test_an_error_that_a_hook_keeps_to_itself(surface, monkeypatch):
    def swallow(view, form, model, is_created):
        with suppress(IntegrityError):
            db.session.flush()

    monkeypatch.setattr(PostView, "on_model_change", swallow)
    said = alerts(surface.submit("/admin/post/new/", TAKEN))
    assert ROLLED_BACK.split(": ")[1] in said
    the_next_request_works(surface)


def query_in_the_handler(surface, module, monkeypatch):
    def query(view, exc):
        view.session.get(module.User, 1)

    with monkeypatch.context() as patch:
        patch.setattr(module.FriendlyErrors, "handle_view_exception", query)
        with pytest.raises(Failure, match=ROLLED_BACK):
            surface.submit("/admin/post/new/", TAKEN)


def test_a_query_in_the_handler(surface, monkeypatch):
    query_in_the_handler(surface, integrity_errors, monkeypatch)
    the_next_request_works(surface)


def test_with_a_kept_session_every_later_request_fails(drive, monkeypatch):
    module = without(integrity_errors, "PostView(Post, db.session)", "kept(Post)")
    module.kept = lambda model: module.PostView(
        model, scoped_session(lambda: module.db.sessionmaker())
    )
    surface = drive(module.create_app)

    query_in_the_handler(surface, module, monkeypatch)
    for _ in range(2):
        with pytest.raises(Failure, match=ROLLED_BACK):
            surface.get("/admin/post/")


LOG = 'current_app.logger.warning("%s: %s %s", self.name, answer, exc.statement)'


def values(surface, caplog):
    query = {"path": "/admin/post/new/", "query": {}}
    test_values_that_only_the_database_checks(surface, caplog, **query)


def deletion(surface, caplog):
    test_deleting_what_others_refer_to(surface, bulk=False)


@pytest.mark.parametrize(
    ("line", "replacement", "test"),
    [
        ("if not isinstance(exc, IntegrityError):", "if True:", values),
        (LOG, "pass", values),
        ("answer, exc.statement)", "answer, exc.params)", values),
        ('"unique": duplicate,', '"other": duplicate,', values),
        ('"foreign key": "Not', '"other": "Not', deletion),
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
    with pytest.raises((AssertionError, ValueError)):
        test(drive(module.create_app), caplog)


def test_removal_of_what_hides_the_values(drive, monkeypatch, caplog):
    module = without(integrity_errors, "db.engine.hide_parameters = True", "pass")
    with pytest.raises(AssertionError, match=SECRET):
        other_error(module, drive, monkeypatch, caplog)
