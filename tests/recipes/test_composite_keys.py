"""A row with a key of two columns is reached over every route."""

import re
from inspect import unwrap

import pytest
from bs4 import BeautifulSoup
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.ajax import QueryAjaxModelLoader
from sqlalchemy import text

from snippets.recipes import composite_keys
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts

NORTH, SOUTH = "North., upper floor,1", "South,1"
INCORRECT = (
    "Incorrect number of values in identifier to formulate primary key for session.get"
)
ROOMS = {("North, upper floor", 1): 8, ("South", 1): 20}


@pytest.fixture
def own_action(new_database, monkeypatch):
    """Flask-Admin's bulk delete; on PostgreSQL other tests make one number of an id."""
    action = unwrap(ModelView.action_delete)
    monkeypatch.setattr(ModelView, "action_delete", action)


def rooms(surface):
    query = text("SELECT building, number, seats FROM composite_keys_room")
    with surface.elsewhere() as session:
        return {(row.building, row.number): row.seats for row in session.execute(query)}


def post(surface, path, **data):
    data = surface.signed("/admin/room/", **data)
    return surface.send("POST", f"/admin/room/{path}/", data=data)


def test_a_row_is_created_with_its_key(surface):
    room = {"building": "A. B., C", "number": "12", "seats": "4"}
    page = surface.submit("/admin/room/new/", room)
    assert "Record was successfully created." in alerts(page)
    assert rooms(surface) == ROOMS | {("A. B., C", 12): 4}


def test_the_links_of_the_list_lead_to_the_rows(surface):
    surface.submit("/admin/room/new/", {"building": "A.,", "number": "3", "seats": "4"})
    page = BeautifulSoup(surface.get("/admin/room/"), "html.parser")
    edit = [link["href"] for link in page.select("a[href*='/edit/']")]
    details = [link["href"] for link in page.select("a[href*='/details/']")]
    seats = [
        BeautifulSoup(surface.send("GET", href), "html.parser").select_one("#seats")
        for href in edit
    ]
    assert sorted(field["value"] for field in seats) == ["20", "4", "8"]
    shown = [surface.send("GET", href) for href in details]
    assert [sum(name in page for page in shown) for name in ("A.,", "North,")] == [1, 1]


@pytest.mark.parametrize("key", [NORTH, SOUTH])
def test_a_row_is_edited(surface, key):
    surface.submit("/admin/room/edit/", {"seats": "50"}, id=key)
    surface.update("/admin/room/", key, seats="51")
    changed = ("North, upper floor" if key == NORTH else "South", 1)
    assert rooms(surface) == ROOMS | {changed: 51}


def test_a_key_is_typed_once(surface):
    """A form that was made up does not change it either."""
    crafted = {"building": "East", "number": "7", "seats": "50"}
    surface.submit("/admin/room/edit/", crafted, id=SOUTH)
    assert rooms(surface) == ROOMS | {("South", 1): 50}
    surface.update("/admin/room/", SOUTH, seats="51", building="East")
    assert rooms(surface) == ROOMS | {("South", 1): 51}


@pytest.mark.parametrize(
    ("path", "data"),
    [("delete", {"id": NORTH}), ("action", {"rowid": NORTH, "action": "delete"})],
)
def test_a_row_is_deleted(own_action, surface, path, data):
    post(surface, path, **data)
    assert rooms(surface) == {("South", 1): 20}


@pytest.mark.parametrize(
    "key", ["South", "South,1,2", "South,2", "North, upper floor,1"]
)
def test_a_key_that_is_none(surface, key):
    for page in ("details", "edit"):
        text = surface.get(f"/admin/room/{page}/", id=key)
        assert "Record does not exist" in alerts(text)
    surface.delete("/admin/room/", key)
    assert rooms(surface) == ROOMS


def test_a_key_whose_number_is_none(surface):
    if not surface.url.startswith("postgres"):
        page = surface.get("/admin/room/details/", id="South,one")
        assert "Record does not exist" in alerts(page)
    else:
        for path, key in [("room/details", "South,one"), ("booking/edit", "one")]:
            with pytest.raises(Failure, match="DataError"):
                surface.get(f"/admin/{path}/", id=key)


def test_a_form_without_its_token_changes_nothing(surface):
    surface.send("POST", f"/admin/room/edit/?id={SOUTH}", data={"seats": "99"})
    assert rooms(surface) == ROOMS


def test_a_view_that_names_no_columns(drive):
    def create_app(config):
        app = composite_keys.create_app(config)
        session = composite_keys.db.session
        plain = ModelView(composite_keys.Room, session, endpoint="plain")
        app.extensions["admin"][0].add_view(plain)
        return app

    surface = drive(create_app)
    assert not any("South" in row for row in surface.rows("/admin/plain/"))
    page = surface.submit("/admin/plain/new/", {"seats": "4"})
    missing = (
        "NOT NULL constraint failed: composite_keys_room.building"
        '|null value in column "building"'
        "|Field 'building' doesn't have a default value"
    )
    assert re.search(missing, alerts(page))


def test_a_room_is_taken_twice(surface):
    room = {"building": "South", "number": "1", "seats": "4"}
    page = surface.submit("/admin/room/new/", room)
    taken = (
        "UNIQUE constraint failed: composite_keys_room.building"
        "|duplicate key value violates unique constraint"
        "|Duplicate entry 'South-1' for key"
    )
    assert re.search(taken, alerts(page))
    assert rooms(surface) == ROOMS


def test_a_relation_to_a_key_of_two_columns(surface):
    page = BeautifulSoup(surface.get("/admin/booking/new/"), "html.parser")
    options = {o.get_text(): o["value"] for o in page.select("#room option")}
    booking = {"title": "Choir", "room": options["North, upper floor 1"]}
    surface.submit("/admin/booking/new/", booking)
    (row,) = surface.rows("/admin/booking/")
    assert "Choir North, upper floor 1" in row


def test_no_lookup_of_a_key_of_two_columns():
    with pytest.raises(NotImplementedError, match="multi-pk AJAX"):
        QueryAjaxModelLoader("room", None, composite_keys.Room, fields=["building"])


@pytest.mark.parametrize(
    ("line", "replacement", "test", "error"),
    [
        (
            '    column_list = ["building", "number", "seats"]\n',
            '    column_list = ["seats"]\n',
            test_the_links_of_the_list_lead_to_the_rows,
            None,
        ),
        (
            "column_details_list = column_list",
            "pass",
            test_the_links_of_the_list_lead_to_the_rows,
            None,
        ),
        (
            '    form_columns = ["building", "number", "seats"]\n',
            "",
            test_a_row_is_created_with_its_key,
            "has no attribute 'building'",
        ),
        ("del form.building, form.number", "pass", test_a_key_is_typed_once, None),
        (
            "if len(iterdecode(id)) != len(self.model.__mapper__.primary_key):",
            "if False:",
            lambda surface: test_a_key_that_is_none(surface, "South"),
            INCORRECT,
        ),
    ],
)
def test_removal(line, replacement, test, error, drive):
    module = without(composite_keys, line, replacement)
    with pytest.raises((AssertionError, AttributeError, Failure), match=error):
        test(drive(module.create_app))


def test_removal_of_the_form_class(drive):
    line = "    form_base_class = SecureForm\n\n    def get_one"
    module = without(composite_keys, line, "    def get_one")
    with pytest.raises(AssertionError):
        test_a_form_without_its_token_changes_nothing(drive(module.create_app))
