"""Each row that is written leaves a row that says who wrote it, or neither is there."""

import json
from functools import lru_cache
from unittest.mock import Mock

import pytest
from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    String,
    Table,
    delete,
    event,
    insert,
    text,
    update,
)
from sqlalchemy.orm import relationship

from snippets.recipes import audit_trail
from snippets.recipes.audit_trail import Article, db
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts


def trail(surface):
    """What was written down after the application was seeded."""
    with surface.elsewhere() as session:
        rows = session.execute(
            text(
                "SELECT who, action, row_id, changes FROM audit_trail "
                "WHERE id > 1 ORDER BY id"
            )
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
        query = text("SELECT at <= CURRENT_TIMESTAMP FROM audit_trail")
        assert set(session.scalars(query)) == {True}


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
    row = dict.fromkeys(["who", "action", "model", "row_id"], "eve")
    row["changes"] = "{}"
    post(surface, "/admin/audit/new/", **row)
    post(surface, "/admin/audit/edit/?id=2", **row)
    post(surface, "/admin/audit/delete/", id=2)
    post(surface, "/admin/audit/action/", action="delete", rowid=[2])
    assert trail(surface) == before
    assert "ada" in surface.rows("/admin/audit/")[0]


def test_who_is_an_account_of_the_same_session(drive, monkeypatch):
    """The account is a row too: loaded, expired and deleted while it is written."""
    monkeypatch.setattr(Article, "is_authenticated", True, raising=False)
    monkeypatch.setattr(Article, "is_active", True, raising=False)

    def twice():
        for title in ["once", "twice"]:
            db.session.get(Article, 1).title = title
            db.session.commit()
        return ""

    def create_app(config):
        app = audit_trail.create_app(config)
        app.login_manager.user_loader(lambda id: db.session.get(Article, 1))
        app.add_url_rule("/twice", view_func=twice)
        return app

    surface = drive(create_app)
    sign_in(surface)
    create(surface)
    surface.get("/twice")
    remove(surface)
    assert [row[:3] for row in trail(surface)] == [
        ("1", "create", "2"),
        ("1", "edit", "1"),
        ("1", "edit", "1"),
        ("1", "delete", "1"),
    ]


def test_what_the_cookie_carries_is_not_copied(surface, monkeypatch):
    monkeypatch.setattr(audit_trail.Editor, "get_id", lambda self: "a secret token")
    sign_in(surface)
    edit(surface)
    assert trail(surface) == [CHANGED]


def without_a_login(drive, module, monkeypatch):
    monkeypatch.setattr(module, "LoginManager", Mock())
    surface = drive(module.create_app)
    edit(surface)
    assert [row[:3] for row in trail(surface)] == [(None, "edit", "1")]


def test_an_application_without_a_login(drive, monkeypatch):
    without_a_login(drive, audit_trail, monkeypatch)


def test_a_secret_is_not_copied(surface, monkeypatch):
    monkeypatch.setattr(audit_trail, "SECRET", {"title"})
    edit(surface)
    assert trail(surface)[0][3] == {"title": ["hidden", "hidden"]}


STATEMENTS = {
    "insert": lambda session: session.execute(insert(Article).values(title="New")),
    "update": lambda session: session.execute(update(Article).values(title="New")),
    "delete": lambda session: session.execute(delete(Article)),
    "query.update": lambda session: session.query(Article).update({"title": "New"}),
    "query.delete": lambda session: session.query(Article).delete(),
    "bulk_insert_mappings": lambda session: session.bulk_insert_mappings(
        Article, [{"title": "New"}]
    ),
    "bulk_update_mappings": lambda session: session.bulk_update_mappings(
        Article, [{"id": 1, "title": "New"}]
    ),
    "bulk_save_objects": lambda session: session.bulk_save_objects(
        [Article(title="New")]
    ),
}


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_bulk_statement_leaves_no_trace(surface, name):
    before = surface.rows("/admin/article/")
    with surface.app.app_context():
        STATEMENTS[name](db.session)
        db.session.commit()
    assert surface.rows("/admin/article/") != before
    assert trail(surface) == []


def test_a_fast_mass_delete_leaves_no_trace(surface, monkeypatch):
    monkeypatch.setattr(audit_trail.ArticleView, "fast_mass_delete", True)
    remove_in_bulk(surface, 1)
    assert surface.rows("/admin/article/") == []
    assert trail(surface) == []


@lru_cache
def related(module, **cascade):
    """A table whose rows the articles own, and one of a many-to-many relation."""
    name = f"audit_trail_{'_'.join(cascade) or 'plain'}"
    tagging = Table(
        f"{name}_tagging",
        module.Base.metadata,
        Column("article_id", ForeignKey("audit_trail_article.id"), primary_key=True),
        Column("remark_id", ForeignKey(f"{name}.id"), primary_key=True),
    )
    key = ForeignKey("audit_trail_article.id", ondelete="CASCADE")
    columns = {
        "__tablename__": name,
        "id": Column(Integer, primary_key=True),
        "text": Column(String(100)),
        "article_id": Column(key),
        "articles": relationship(module.Article, secondary=tagging),
    }
    remark = type(name.title().replace("_", ""), (module.Base,), columns)
    cascade = {"cascade": "all", **cascade}
    reference = relationship(remark, foreign_keys=[remark.article_id], **cascade)
    setattr(module.Article, name, reference)
    return remark


def with_remark(surface, **cascade):
    remark = related(audit_trail, **cascade)
    with surface.app.app_context():
        if db.engine.name == "sqlite":
            event.listen(
                db.engine,
                "connect",
                lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"),
            )
            db.engine.dispose()
        audit_trail.Base.metadata.create_all(db.engine)
        db.session.add(remark(text="Good", article_id=1))
        db.session.commit()
    return remark


@pytest.mark.parametrize(
    ("cascade", "deleted"),
    [({}, ["Article", "AuditTrailPlain"]), ({"passive_deletes": True}, ["Article"])],
)
def test_rows_that_the_database_deletes_leave_no_trace(surface, cascade, deleted):
    """``ON DELETE CASCADE`` with ``passive_deletes`` sends no statement to note."""
    remark = with_remark(surface, **cascade)
    remove(surface)
    with surface.elsewhere() as session:
        assert session.query(remark).count() == 0
        query = text("SELECT model FROM audit_trail WHERE action = 'delete'")
        assert sorted(session.scalars(query)) == deleted


def empty_the_form(surface, module):
    surface.submit("/admin/article/edit/", {"audit_trail_cascade": []}, id=1)


def empty_the_collection(surface, module):
    """One of its rows is also changed, in the same flush."""
    with surface.app.app_context():
        article = module.db.session.get(module.Article, 1)
        article.audit_trail_cascade[0].text = "Changed"
        article.audit_trail_cascade.clear()
        module.db.session.commit()


def check_orphans(drive, module, way):
    """Two remarks of an article, which are deleted because it lets them go."""
    remark = related(module, cascade="all, delete-orphan")
    surface = drive(module.create_app)
    with surface.app.app_context():
        module.db.session.add_all(remark(text="Good", article_id=1) for _ in range(2))
        module.db.session.commit()
    count = len(trail(surface))
    way(surface, module)
    with surface.elsewhere() as session:
        assert session.query(remark).count() == 0
    found = [(*row[1:3], row[3]["text"][0]) for row in trail(surface)[count:]]
    assert sorted(found) == [("delete", "1", "Good"), ("delete", "2", "Good")]


@pytest.mark.parametrize("way", [empty_the_form, empty_the_collection])
def test_orphans_are_written_down(way, drive):
    # A copy: the form of the other tests has no such relation.
    line = "class Article(Base)"
    check_orphans(drive, without(audit_trail, line, line), way)


def test_a_deferred_column_is_not_in_the_trail_of_a_delete(drive):
    line = "title: Mapped[str] = mapped_column(String(100), "
    module = without(audit_trail, line, f"{line}deferred=True, ")
    surface = drive(module.create_app)
    remove(surface)
    assert trail(surface) == [(None, "delete", "1", {"id": [1, None]})]


def test_what_the_trail_misses(surface):
    remark = with_remark(surface)
    count = len(trail(surface))
    with surface.app.app_context():
        found = db.session.query(remark).one()
        found.articles.append(db.session.get(Article, 1))
        db.session.commit()
        assert len(trail(surface)) == count
        article = db.session.get(Article, 1)
        db.session.commit()
        article.title = "Not read before"
        db.session.commit()
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
        ("str(current_user.id) if current_user.is_authenticated", "None if 1", edit),
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
    with pytest.raises((AssertionError, Failure)):
        test(drive(module.create_app))


@pytest.mark.parametrize(
    ("line", "replacement", "way"),
    [
        ("if out)", "if 0)", empty_the_form),
        ("if out)", "if 0)", empty_the_collection),
        (".difference(gone)", "", empty_the_collection),
    ],
)
def test_removal_of_the_orphans(line, replacement, way, drive):
    with pytest.raises(AssertionError):
        check_orphans(drive, without(audit_trail, line, replacement), way)


def test_removal_of_the_question_for_a_login(drive, monkeypatch):
    module = without(audit_trail, ' and hasattr(current_app, "login_manager")')
    with pytest.raises(AssertionError):
        without_a_login(drive, module, monkeypatch)


def test_removal_of_the_secret(drive, monkeypatch):
    module = without(audit_trail, "attribute.key in SECRET", "False")
    monkeypatch.setattr(module, "SECRET", {"title"})
    surface = drive(module.create_app)
    edit(surface)
    assert trail(surface)[0][3] == {"title": ["Draft", "New"]}
