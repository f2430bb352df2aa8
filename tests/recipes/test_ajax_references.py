"""A lookup offers a user's own rows, and a form accepts no others."""

import json

import pytest
from sqlalchemy import text

from snippets.recipes import ajax_references
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts

ADA, GRACE = "1", "2"
REFUSED = "Not a valid choice"
MINE = {"title": "Cogs", "project": ADA, "labels": ADA}


@pytest.fixture
def surface(drive):
    return as_ada(drive(ajax_references.create_app))


def as_ada(surface):
    with surface.elsewhere() as session:
        for id in (ADA, GRACE):
            row = {"id": id, "name": f"account {id}"}
            add = text("INSERT INTO account VALUES (:id, :name, '', 1)")
            session.execute(add, row)
        session.commit()
    become(surface, ADA)
    return surface


def become(surface, id):
    with surface.client.session_transaction() as session:
        session["_user_id"] = id


def tasks(surface):
    """Title, project and label of each task."""
    query = "SELECT title, project_id, label_id FROM task LEFT JOIN task_label"
    with surface.elsewhere() as session:
        rows = session.execute(text(f"{query} ON task_id = task.id"))
        return [tuple(row) for row in rows]


def offered(surface, **query):
    return json.loads(surface.get("/admin/task/ajax/lookup/", **query))


def test_each_user_is_offered_own_rows(surface):
    for query in ("", "e", "%", "' OR 1=1 --"):
        some = "OR" not in query
        query = {"query": query, "limit": 1000}
        become(surface, ADA)
        assert offered(surface, name="project", **query) == [[1, "Engine"]] * some
        become(surface, GRACE)
        assert (
            offered(surface, name="labels", **query) == [[2, "Compiler parts"]] * some
        )


def nobody(surface):
    surface.get("/login")
    with surface.client.session_transaction() as session:
        session.clear()
    answer = surface.client.get("/admin/task/ajax/lookup/?name=project&query=")
    assert (answer.status_code, answer.json) == (302, None)


def test_nobody_is_offered_anything(surface):
    nobody(surface)


def test_each_request_has_a_session_of_its_own(surface):
    for name in ("Engine", "Turbine"):
        with surface.elsewhere() as session:
            session.execute(text("UPDATE project SET name = :name"), {"name": name})
            session.commit()
        surface.sessions.clear()
        assert offered(surface, name="project", query="") == [[1, name]]
        assert len(surface.sessions) == 1


def test_own_rows_are_saved(surface):
    page = surface.submit("/admin/task/new/", MINE)
    assert "Record was successfully created." in alerts(page)
    page = surface.submit("/admin/task/edit/", {"title": "Cams"}, id=1)
    assert "Record was successfully saved." in alerts(page)
    surface.submit("/admin/task/edit/", {"labels": ""}, id=1)
    assert tasks(surface) == [("Cams", 1, None)]


def test_several_own_rows_are_saved(surface):
    with surface.elsewhere() as session:
        add = "INSERT INTO label (id, owner_id, name) VALUES (3, 1, 'Brass')"
        session.execute(text(add))
        session.commit()
    surface.submit("/admin/task/new/", MINE | {"labels": "1,3"})
    assert tasks(surface) == [("Cogs", 1, 1), ("Cogs", 1, 3)]


FOREIGN = [
    {"project": GRACE},
    {"labels": GRACE},
    {"labels": f"{ADA},{GRACE}"},
    {"labels": [ADA, GRACE]},
    {"labels": "none"},
]


@pytest.mark.parametrize("changes", FOREIGN)
def test_a_row_of_somebody_else_is_refused(surface, changes):
    assert REFUSED in surface.submit("/admin/task/new/", MINE | changes)
    assert tasks(surface) == []
    surface.submit("/admin/task/new/", MINE)
    assert REFUSED in surface.submit("/admin/task/edit/", changes, id=1)
    assert tasks(surface) == [("Cogs", 1, 1)]


def test_the_list_is_no_way_around(surface):
    surface.submit("/admin/task/new/", MINE)
    data = surface.signed("/admin/task/new/", list_form_pk="1", project=GRACE)
    with pytest.raises(Failure, match="404"):
        surface.send("POST", "/admin/task/ajax/update/", data=data)
    assert tasks(surface) == [("Cogs", 1, 1)]


def test_a_save_keeps_what_somebody_else_chose(surface):
    surface.submit("/admin/task/new/", MINE)
    become(surface, GRACE)
    changes = {"title": "Loops", "project": GRACE}
    assert REFUSED in surface.submit("/admin/task/edit/", changes, id=1)
    assert tasks(surface) == [("Cogs", 1, 1)]


@pytest.fixture
def optional():
    """The program, with a project that a task may be without."""
    return without(
        ajax_references, "project_id: Mapped[int]", "project_id: Mapped[int | None]"
    )


def test_a_relation_is_emptied_on_purpose_only(optional, drive):
    surface = as_ada(drive(optional.create_app))
    surface.submit("/admin/task/new/", MINE)
    page = surface.submit("/admin/task/edit/", {"project": GRACE}, id=1)
    assert REFUSED in page
    assert tasks(surface) == [("Cogs", 1, 1)]
    surface.submit("/admin/task/edit/", {"project": ""}, id=1)
    assert tasks(surface) == [("Cogs", None, 1)]


def test_what_flask_admin_saves_without_the_validators(optional, drive, monkeypatch):
    monkeypatch.setattr(optional.TaskView, "form_args", {})
    surface = as_ada(drive(optional.create_app))
    surface.submit("/admin/task/new/", MINE | {"labels": f"{ADA},{GRACE}"})
    assert tasks(surface) == [("Cogs", 1, 1)]
    surface.submit("/admin/task/edit/", {"project": GRACE}, id=1)
    assert tasks(surface) == [("Cogs", None, 1)]


@pytest.mark.parametrize(
    ("line", "replacement", "test"),
    [
        (
            "return super().get_query().filter_by(owner_id=current_user.id)",
            "return super().get_query()",
            test_each_user_is_offered_own_rows,
        ),
        (
            "return self.get_query().filter_by(id=pk).one_or_none()",
            "return super().get_one(pk)",
            lambda s: test_a_row_of_somebody_else_is_refused(s, {"project": GRACE}),
        ),
        (
            '        "labels": {"validators": [found_all]},\n',
            "",
            lambda s: test_a_row_of_somebody_else_is_refused(s, {"labels": GRACE}),
        ),
        (
            ' for key in value.split(",")}',
            " for key in [value]}",
            test_several_own_rows_are_saved,
        ),
        (
            "class TaskView(AdminOnly, ModelView)",
            "class TaskView(ModelView)",
            nobody,
        ),
    ],
)
def test_removal(line, replacement, test, drive):
    surface = as_ada(drive(without(ajax_references, line, replacement).create_app))
    with pytest.raises((AssertionError, Failure)):
        test(surface)


def test_removal_of_the_session(drive):
    line = '"project", LazySession(db)'
    with pytest.raises(
        RuntimeError, match=r"^Working outside of application context\."
    ):
        without(ajax_references, line, '"project", db.session')


def test_removal_of_the_late_session(drive, monkeypatch):
    """What upstream's documentation shows, in a context."""
    surface = as_ada(drive(ajax_references.create_app))
    loader = ajax_references.TaskView.form_ajax_refs["project"]
    with surface.app.app_context():
        monkeypatch.setattr(loader, "session", ajax_references.db.session)
    with pytest.raises(AssertionError, match="2 == 1"):
        test_each_request_has_a_session_of_its_own(surface)
