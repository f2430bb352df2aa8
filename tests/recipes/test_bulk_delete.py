"""Both ways of the bulk delete: which rows it deletes, which hooks run."""

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import event, select

from snippets.recipes import bulk_delete
from snippets.recipes.slow_lists import statements
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts

OPEN, CLOSED, OLD = 1, 2, 3
HOOKS, FAST = "/admin/ticket/", "/admin/archive/"


def titles(surface):
    with surface.elsewhere() as session:
        tickets, comments = (
            session.scalars(select(column).order_by(column.class_.id)).all()
            for column in (bulk_delete.Ticket.title, bulk_delete.Comment.text)
        )
    assert comments == [f"On {title}" for title in tickets]
    return tickets


def act(surface, path, *ids, name="delete"):
    return alerts(surface.action(path, name, ids))


def check(surface, path, deletes):
    with surface.app.app_context():
        engine = surface.app.extensions["sqlalchemy"].engine
    with statements(engine) as sent:
        said = act(surface, path, CLOSED, OPEN, OLD)
    assert titles(surface) == ["Open"]
    assert "2 records were successfully deleted." in said
    assert sum("DELETE FROM bulk_delete_ticket" in line for line in sent) == deletes
    return said


def check_hooks(surface):
    assert "Open is not closed." in check(surface, HOOKS, deletes=2)


def check_fast(surface):
    assert "Open is not closed." not in check(surface, FAST, deletes=1)


def check_guesses(surface):
    """An id that the archive does not show opens and deletes nothing."""
    assert "List (2)" in surface.get(FAST)
    data = {"csrf_token": surface.token(FAST), "id": OPEN}
    answers = [
        surface.get(f"{FAST}edit/", id=OPEN),
        surface.send("POST", f"{FAST}delete/", data=data),
    ]
    assert ["Record does not exist" in alerts(text) for text in answers] == [True] * 2
    act(surface, FAST, OPEN)
    assert titles(surface) == ["Open", "Closed", "Old"]


def check_numbers(surface):
    """The ids reach the database as numbers, not as the text of the request."""
    chosen = []

    def note(connection, cursor, statement, parameters, context, executemany):
        if "FROM bulk_delete_ticket" in statement and " IN " in statement:
            chosen.append(list(getattr(parameters, "values", lambda: parameters)()))

    with surface.app.app_context():
        engine = surface.app.extensions["sqlalchemy"].engine
    event.listen(engine, "before_cursor_execute", note)
    act(surface, HOOKS, CLOSED, "x", "9" * 5000)
    assert [id for found in chosen for id in found] == [CLOSED]


@pytest.mark.parametrize(
    "check", [check_hooks, check_fast, check_guesses, check_numbers]
)
def test_delete(check, drive):
    check(drive(bulk_delete.create_app))


@pytest.mark.parametrize("path", [HOOKS, FAST])
def test_attacks(path, drive):
    surface = drive(bulk_delete.create_app)
    act(surface, path)
    act(surface, path, "2 OR 1=1", "%", "99", "-2", "\N{SUPERSCRIPT TWO}")
    act(surface, path, CLOSED, name="get_query")
    forged = {"csrf_token": "wrong", "action": "delete", "rowid": [CLOSED]}
    surface.send("POST", f"{path}action/", data=forged)
    with pytest.raises(Failure, match="405 METHOD NOT ALLOWED"):
        surface.get(f"{path}action/", action="delete", rowid=CLOSED)
    assert titles(surface) == ["Open", "Closed", "Old"]


def test_one_delete_asks_the_hook_too(drive):
    surface = drive(bulk_delete.create_app)
    answer = surface.delete(HOOKS, OPEN)
    assert "Open is not closed." in alerts(answer)
    assert titles(surface) == ["Open", "Closed", "Old"]


@pytest.mark.parametrize(
    ("path", "fields"), [(HOOKS, ["title", "closed"]), (FAST, ["title"])]
)
def test_columns_and_fields(path, fields, surface):
    page = BeautifulSoup(surface.get(path), "html.parser")
    shown = [th["class"] for th in page.select("th[class*=col-]")]
    assert [name for (*_, name) in shown] == [f"col-{field}" for field in fields]
    page = BeautifulSoup(surface.get(f"{path}edit/", id=CLOSED), "html.parser")
    names = {field["name"] for field in page.select("form.admin-form [name]")}
    assert names - {"_add_another", "_continue_editing"} == {"csrf_token", *fields}


def test_the_archive_takes_no_new_tickets(drive):
    surface = drive(bulk_delete.create_app)
    answer = surface.client.get(f"{FAST}new/")
    assert answer.status_code == 302
    assert "/new/" not in surface.get(FAST)


FILTER = "return super().get_query().filter(Ticket.closed)"


@pytest.mark.parametrize(
    ("line", "replacement", "check", "match"),
    [
        ("if not model.closed:", "if False:", check_hooks, r"\[\] == \['Open'\]"),
        # What the fast way skips: the hook, and the cascade of the relationship.
        (
            "    def on_model_delete(",
            "    fast_mass_delete = True\n\n    def on_model_delete(",
            check_hooks,
            r"\[\] == \['Open'\]",
        ),
        ("fast_mass_delete = True", "", check_fast, "== 1"),
        (
            "[int(id) for id in known]",
            "ids",
            check_numbers,
            "'2'|invalid literal",
        ),
        (" and len(id) < 10", "", check_numbers, "Exceeds the limit"),
        (', ondelete="CASCADE"', "", check_fast, "'Closed', 'Old'"),
        (FILTER, "return super().get_query()", check_fast, r"\[\] == \['Open'\]"),
        (
            "return super().get_count_query().filter(Ticket.closed)",
            "return super().get_count_query()",
            check_guesses,
            r"List \(2\)",
        ),
        (
            "found if found is not None and found.closed else None",
            "found",
            check_guesses,
            r"\[False, False\]",
        ),
    ],
)
def test_removal(line, replacement, check, match, drive):
    module = without(bulk_delete, line, replacement)
    with pytest.raises((AssertionError, Failure), match=match):
        check(drive(module.create_app))


def test_removal_of_the_pragma(drive):
    module = without(bulk_delete, '"PRAGMA foreign_keys = ON"', '"SELECT 1"')
    surface = drive(module.create_app)
    if not surface.url.startswith("sqlite"):
        pytest.skip("PostgreSQL follows ondelete without being asked")
    with pytest.raises(AssertionError, match="'On Old'"):
        check_fast(surface)


def test_a_foreign_key_without_cascade_keeps_all_rows(drive):
    surface = drive(without(bulk_delete, ', ondelete="CASCADE"', "").create_app)
    assert "Failed to delete records." in act(surface, FAST, CLOSED, OLD)
    assert titles(surface) == ["Open", "Closed", "Old"]


def test_a_join_cannot_be_deleted_fast(drive):
    joined = "return super().get_query().join(Comment).filter(Ticket.closed)"
    surface = drive(without(bulk_delete, FILTER, joined).create_app)
    with pytest.raises(
        Failure, match=r"Can't call Query.update\(\) or .* when join\(\)"
    ):
        act(surface, FAST, CLOSED)
    related = FILTER.replace("Ticket.closed", "Ticket.closed, Ticket.comments.any()")
    check_fast(drive(without(bulk_delete, FILTER, related).create_app))
