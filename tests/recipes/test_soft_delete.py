"""Deleted rows stay in the table and out of every route."""

import pytest
from sqlalchemy import text

from snippets.recipes import soft_delete
from tools.measure.removal import without
from tools.measure.surface import Failure

KEPT, GONE = 1, 2


def stamps(surface):
    with surface.elsewhere() as session:
        return dict(session.execute(text("SELECT id, deleted_at FROM note")).all())


def delete(surface):
    surface.delete("/admin/note/", KEPT)


def bulk_delete(surface):
    surface.action("/admin/note/", "delete", [KEPT])


@pytest.mark.parametrize("way", [delete, bulk_delete])
def test_deleting_marks_the_row(surface, way):
    way(surface)
    assert stamps(surface)[KEPT] is not None
    assert surface.rows("/admin/note/") == []


def test_a_deleted_row_is_hidden(surface):
    assert ["Kept" in row for row in surface.rows("/admin/note/")] == [True]
    assert "List (1)" in surface.get("/admin/note/")
    assert "Record does not exist" in surface.get("/admin/note/edit/", id=GONE)


def test_bulk_delete_does_not_move_an_old_mark(surface):
    before = stamps(surface)[GONE]
    surface.action("/admin/note/", "delete", [GONE])
    assert stamps(surface)[GONE] == before


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
            "model.deleted_at = datetime.now(timezone.utc)",
            "self.session.delete(model)",
            lambda surface: test_deleting_marks_the_row(surface, delete),
        ),
    ],
)
def test_removal(line, replacement, test, drive):
    module = without(soft_delete, line, replacement)
    with pytest.raises((AssertionError, Failure, KeyError)):
        test(drive(module.create_app))
