"""A lookup offers a user's own rows, and a form accepts no others."""

import json

import pytest
from flask import request
from flask_admin.form import BaseForm
from flask_admin.model.fields import AjaxSelectField, InlineFieldList, InlineFormField
from sqlalchemy import insert, update

from snippets.recipes import ajax_references
from snippets.recipes.ajax_references import OwnLoader, Project, found_all
from tools.measure.login import check_visitor, contents, create, write
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts

ADA, GRACE = "1", "2"
REFUSED = "Not a valid choice"
MINE = {"title": "Cogs", "project": ADA, "topics": ADA}


@pytest.fixture
def surface(drive):
    return as_ada(drive(ajax_references.create_app))


def as_ada(surface, module=ajax_references):
    for name in ("Ada", "Grace"):
        create(surface, module, name)
    become(surface, ADA)
    return surface


def become(surface, id):
    with surface.elsewhere() as session:
        account = session.get(ajax_references.Account, int(id))
    with surface.client.session_transaction() as session:
        session["_user_id"] = account.token


def tasks(surface):
    """Title, project and topic of each task."""
    found = contents(surface, ajax_references)
    topics = found["ajax_references_task_topic"]
    return [
        (task.title, task.project_id, topic)
        for task in found["ajax_references_task"]
        for topic in [row.topic_id for row in topics if row.task_id == task.id]
        or [None]
    ]


def offered(surface, **query):
    return json.loads(surface.get("/admin/task/ajax/lookup/", **query))


def test_inline_rows_are_looked_into(drive):
    loader = OwnLoader("project", ajax_references.db.session, Project, fields=["name"])

    class Row(BaseForm):
        project = AjaxSelectField(loader)

    class Rows(BaseForm):
        rows = InlineFieldList(InlineFormField(Row))

    def create_app(config=None):
        app = ajax_references.create_app(config)
        view = lambda: str(found_all(Rows(request.form)))  # noqa: E731
        app.add_url_rule("/rows", "rows", view, methods=["POST"])
        return app

    client = as_ada(drive(create_app)).client
    found = [client.post("/rows", data={"rows-0-project": id}).text for id in "12"]
    assert found == ["True", "False"]


def test_each_user_is_offered_own_rows(surface):
    for query in ("", "e", "%", "' OR 1=1 --"):
        some = "OR" not in query
        query = {"query": query, "limit": 1000}
        become(surface, ADA)
        assert offered(surface, name="project", **query) == [[1, "Engine"]] * some
        become(surface, GRACE)
        assert (
            offered(surface, name="topics", **query) == [[2, "Compiler parts"]] * some
        )


def test_nobody_is_offered_anything(drive):
    surface = drive(ajax_references.create_app)
    check_visitor(surface, ajax_references)
    path = "/admin/task/ajax/lookup/?name=project&query="
    assert surface.client.get(path).json is None


def test_each_request_has_a_session_of_its_own(surface):
    for name in ("Engine", "Turbine"):
        write(surface, update(ajax_references.Project).values(name=name))
        surface.sessions.clear()
        assert offered(surface, name="project", query="") == [[1, name]]
        assert len(surface.sessions) == 1


def test_own_rows_are_saved(surface):
    page = surface.submit("/admin/task/new/", MINE)
    assert "Record was successfully created." in alerts(page)
    page = surface.submit("/admin/task/edit/", {"title": "Cams"}, id=1)
    assert "Record was successfully saved." in alerts(page)
    surface.submit("/admin/task/edit/", {"topics": ""}, id=1)
    assert tasks(surface) == [("Cams", 1, None)]


def test_several_own_rows_are_saved(surface):
    brass = {"id": 3, "owner_id": 1, "name": "Brass"}
    write(surface, insert(ajax_references.Topic).values(brass))
    surface.submit("/admin/task/new/", MINE | {"topics": "1,3"})
    assert tasks(surface) == [("Cogs", 1, 1), ("Cogs", 1, 3)]


FOREIGN = [
    {"project": GRACE},
    {"topics": GRACE},
    {"topics": f"{ADA},{GRACE}"},
    {"topics": [ADA, GRACE]},
    {"topics": "none"},
    {"topics": "9" * 5000},
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


def test_a_relation_is_emptied_on_purpose_only(surface):
    surface.submit("/admin/task/new/", MINE)
    surface.submit("/admin/task/edit/", {"project": ""}, id=1)
    assert tasks(surface) == [("Cogs", None, 1)]


def test_what_flask_admin_saves_without_the_check(drive):
    module = without(ajax_references, " and found_all(form)", "")
    surface = as_ada(drive(module.create_app), module)
    surface.submit("/admin/task/new/", MINE | {"topics": f"{ADA},{GRACE}"})
    assert tasks(surface) == [("Cogs", 1, 1)]
    surface.submit("/admin/task/edit/", {"project": GRACE}, id=1)
    assert tasks(surface) == [("Cogs", None, 1)]


def test_where_the_project_is_required(drive):
    column = "project_id: Mapped[int | None]"
    module = without(ajax_references, column, "project_id: Mapped[int]")
    surface = as_ada(drive(module.create_app), module)
    test_a_row_of_somebody_else_is_refused(surface, {"project": GRACE})


def check_foreign(**changes):
    return lambda surface: test_a_row_of_somebody_else_is_refused(surface, changes)


@pytest.mark.parametrize(
    ("line", "replacement", "test"),
    [
        (
            "return super().get_query().filter_by(owner_id=current_user.id)",
            "return super().get_query()",
            test_each_user_is_offered_own_rows,
        ),
        (
            "self.get_query().filter_by(id=int(pk)).one_or_none()",
            "self.session.get(self.model, int(pk))",
            check_foreign(project=GRACE),
        ),
        (
            " and found_all(form)",
            "",
            check_foreign(topics=[ADA, GRACE]),
        ),
        (
            'value.split(",")',
            "[value]",
            check_foreign(topics=f"{ADA},{GRACE}"),
        ),
        (
            'keys - {"", "__None"}',
            "keys",
            test_a_relation_is_emptied_on_purpose_only,
        ),
        (
            "if pk.isdecimal() and",
            "if",
            check_foreign(topics="none"),
        ),
        (
            " and len(pk) < 10",
            "",
            check_foreign(topics="9" * 5000),
        ),
    ],
)
def test_removal(line, replacement, test, drive):
    module = without(ajax_references, line, replacement)
    surface = as_ada(drive(module.create_app), module)
    with pytest.raises((AssertionError, Failure)):
        test(surface)


def test_removal_of_the_session(drive):
    line = '"project", db.session, Project'
    with pytest.raises(
        RuntimeError, match=r"^Working outside of application context\."
    ):
        without(ajax_references, line, '"project", db.get_session(), Project')


def test_removal_of_the_late_session(drive, monkeypatch):
    """What upstream's documentation shows, in a context."""
    surface = as_ada(drive(ajax_references.create_app))
    loader = ajax_references.TaskView.form_ajax_refs["project"]
    with surface.app.app_context():
        monkeypatch.setattr(loader, "session", ajax_references.db.get_session())
    with pytest.raises(AssertionError, match="2 == 1"):
        test_each_request_has_a_session_of_its_own(surface)
