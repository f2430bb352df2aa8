"""Each row that is written leaves a row that says who wrote it, or neither is there."""

import json

import pytest
from sqlalchemy import delete, event, text

from snippets import models
from snippets.recipes import audit_trail
from tools.measure.removal import without
from tools.measure.surface import alerts


def trail(surface):
    """What was written down after the application was seeded."""
    with surface.elsewhere() as session:
        rows = session.execute(
            text("SELECT who, action, row, changes FROM audit WHERE id > 1 ORDER BY id")
        )
        return [(*row[:3], json.loads(row[3])) for row in rows]


def sign_in(surface):
    with surface.client.session_transaction() as cookie:
        cookie["_user_id"] = "ada"


def post(surface, path, **data):
    return surface.send("POST", path, data=surface.signed("/admin/article/", **data))


def create(surface, title="New"):
    return surface.submit("/admin/article/new/", {"title": title})


def edit(surface):
    return surface.submit("/admin/article/edit/", {"title": "New"}, id=1)


def edit_in_the_list(surface):
    return surface.update("/admin/article/", 1, title="New")


def remove(surface):
    return surface.delete("/admin/article/", 1)


def remove_in_bulk(surface, *ids):
    return surface.action("/admin/article/", "delete", ids or [1])


CHANGED = ("ada", "edit", "1", {"title": ["Draft", "New"]})
GONE = ("ada", "delete", "1", {"id": [1, None], "title": ["Draft", None]})
WAYS = {
    create: ("ada", "create", "2", {"title": [None, "New"]}),
    edit: CHANGED,
    edit_in_the_list: CHANGED,
    remove: GONE,
    remove_in_bulk: GONE,
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_is_written_down(surface, way):
    sign_in(surface)
    way(surface)
    assert trail(surface) == [WAYS[way]]
    with surface.elsewhere() as session:
        query = text("SELECT at <= CURRENT_TIMESTAMP FROM audit")
        assert set(session.scalars(query)) == {1}


def test_nothing_was_changed(surface):
    surface.submit("/admin/article/edit/", {}, id=1)
    assert trail(surface) == []


@pytest.mark.parametrize("way", [w for w in WAYS if w is not edit_in_the_list])
def test_a_failed_commit_leaves_no_trace(surface, way):
    def refuse(connection):
        raise RuntimeError("the disk is full")

    with surface.app.app_context():
        engine = surface.app.extensions["sqlalchemy"].engine
    event.listen(engine, "commit", refuse)
    assert "the disk is full" in alerts(way(surface))
    event.remove(engine, "commit", refuse)
    assert trail(surface) == []


def test_two_rows_in_bulk(surface):
    create(surface)
    surface.action("/admin/article/", "delete", [1, 2])
    assert [row[:3] for row in trail(surface)[1:]] == [
        (None, "delete", "1"),
        (None, "delete", "2"),
    ]


def test_the_trail_cannot_be_changed_in_the_admin(surface):
    sign_in(surface)
    edit(surface)
    before = trail(surface)
    row = {"who": "eve", "action": "edit", "model": "x", "row": "1", "changes": "{}"}
    post(surface, "/admin/audit/new/", **row)
    post(surface, "/admin/audit/edit/?id=2", **row)
    post(surface, "/admin/audit/delete/", id=2)
    post(surface, "/admin/audit/action/", action="delete", rowid=[2])
    assert trail(surface) == before
    assert "ada" in surface.rows("/admin/audit/")[0]


def test_a_statement_leaves_no_trace(surface, monkeypatch):
    with surface.app.app_context():
        audit_trail.db.session.execute(delete(audit_trail.Article))
        audit_trail.db.session.commit()
    create(surface)
    monkeypatch.setattr(audit_trail.ArticleView, "fast_mass_delete", True)
    remove_in_bulk(surface, 1, 2)
    assert surface.rows("/admin/article/") == []
    assert [row[1] for row in trail(surface)] == ["create"]


def test_what_the_trail_misses(surface):
    with surface.app.app_context():
        session = audit_trail.db.session
        models.Base.metadata.create_all(audit_trail.db.engine)
        models.seed(session)
        count = len(trail(surface))
        tag = session.query(models.Tag).filter_by(name="hardware").one()
        tag.posts.append(session.get(models.Post, 1))
        session.commit()
        assert len(trail(surface)) == count
        article = session.get(audit_trail.Article, 1)
        session.commit()
        article.title = "Not read before"
        session.commit()
    assert trail(surface)[-1][3] == {"title": [None, "Not read before"]}


WRITE = "session.execute(insert(Audit), rows)"


@pytest.mark.parametrize(
    ("line", "replacement", "test"),
    [
        (
            '"after_flush", write_down',
            '"before_flush", lambda *arguments: write_down(*arguments[:2])',
            create,
        ),
        ('history.non_added() if action == "delete" else history.deleted', "()", edit),
        (' if action == "delete" else history.deleted', "", edit),
        ('history.non_added() if action == "delete" else ', "", remove),
        ("current_user.get_id() if current_user else None", "None", edit),
    ],
)
def test_removal(line, replacement, test, drive):
    module = without(audit_trail, line, replacement)
    with pytest.raises(AssertionError):
        test_each_way_is_written_down(drive(module.create_app), test)


@pytest.mark.parametrize(
    ("line", "replacement", "test"),
    [
        (
            WRITE,
            f"{WRITE}; session.connection().connection.commit()",
            lambda surface: test_a_failed_commit_leaves_no_trace(surface, edit),
        ),
        (
            "if found := changes(action, state):",
            "if [found := changes(action, state)]:",
            test_nothing_was_changed,
        ),
        (
            "can_create = can_edit = can_delete = False",
            "pass",
            test_the_trail_cannot_be_changed_in_the_admin,
        ),
    ],
)
def test_removal_of_a_promise(line, replacement, test, drive):
    module = without(audit_trail, line, replacement)
    with pytest.raises(AssertionError):
        test(drive(module.create_app))
