"""What a form without the token of the session can change, under each protection."""

from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from packaging.version import Version
from sqlalchemy import text
from wtforms.csrf.session import SessionCSRF

from snippets.recipes import csrf
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts

# What an edit form says about its token.
OLD = Version(version("flask-admin")) < Version("2.1")
NO_REASON = "" if OLD else "Failed to save record."
PAGE = Path(__file__).parents[2] / "docs/recipes/csrf.md"
POST = "/admin/post/"
EDITED = {"title": "Taken over", "author": 1}
ROUTES = {
    "create": (f"{POST}new/", {}, EDITED),
    "edit": (f"{POST}edit/", {"id": 1}, EDITED),
    "inline edit": (f"{POST}ajax/update/", {}, {"list_form_pk": 1, "title": "Taken"}),
    "delete": (f"{POST}delete/", {}, {"id": 1}),
    "bulk action": (f"{POST}action/", {}, {"action": "delete", "rowid": [1]}),
    "your own page": ("/admin/publish/", {}, {}),
}
# Which routes a form without a token gets through, as the page's table says.
PROTECTIONS = {
    "nothing": set(ROUTES),
    "SecureForm": {"your own page"},
    "CSRFProtect": set(),
}


def factory(protection):
    if protection == "SecureForm":
        return csrf.create_app_with_secure_form
    if protection == "nothing":
        return without(csrf, "csrf.init_app(app)").create_app
    return csrf.create_app


def posts(surface):
    with surface.elsewhere() as session:
        return session.execute(text("SELECT * FROM post ORDER BY id")).all()


def send(surface, route, token=None):
    """Send the form of a route; return whether it changed the posts."""
    before = posts(surface)
    path, query, data = ROUTES[route]
    data = data | ({"csrf_token": token} if token is not None else {})
    surface.client.post(path, query_string=query, data=data)
    return posts(surface) != before


def token(surface):
    """A token as the list page carries it."""
    return surface.token(POST)


def stranger(surface):
    """A token that the application made for another session."""
    own, surface.client = surface.client, surface.app.test_client()
    foreign, surface.client = token(surface), own
    return foreign


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("protection", PROTECTIONS)
def test_a_form_without_a_token(protection, route, drive):
    surface = drive(factory(protection))
    surface.get(POST)
    assert send(surface, route) is (route in PROTECTIONS[protection])


@pytest.mark.parametrize("route", list(ROUTES)[:-1])
@pytest.mark.parametrize("protection", ["SecureForm", "CSRFProtect"])
def test_only_the_token_of_the_session_counts(protection, route, drive):
    surface = drive(factory(protection))
    assert not send(surface, route, stranger(surface))
    assert not send(surface, route, "")
    assert send(surface, route, token(surface))


def test_the_table_of_the_page():
    for route in ROUTES:
        cells = [
            "accepted" if route in accepted else "refused"
            for accepted in PROTECTIONS.values()
        ]
        assert f"| {route} | {' | '.join(cells)} |" in PAGE.read_text("utf-8")


def test_the_answer_to_a_form_without_a_token(drive):
    refuse(drive(csrf.create_app))


def refuse(surface):
    answer = surface.client.post(f"{POST}delete/", data={"id": 1})
    assert answer.status_code == 400
    assert "The CSRF token is missing." in answer.text


@pytest.mark.parametrize("protection", ["SecureForm", "CSRFProtect"])
def test_the_forms_carry_their_token(protection, drive):
    surface = drive(factory(protection))
    use_the_forms(surface)


def use_the_forms(surface):
    for title, path, query in [
        ("Edited", f"{POST}edit/", {"id": 1}),
        ("Created", f"{POST}new/", {}),
    ]:
        surface.submit(path, {"title": title, "author": 1}, **query)
        assert title in [post.title for post in posts(surface)]
    page = BeautifulSoup(surface.get(POST), "html.parser")
    for selector, data in [
        ("#action_form", {"action": "delete", "rowid": [3]}),
        ("form.icon", {"id": 2}),
    ]:
        found = page.select_one(f"{selector} [name=csrf_token]")["value"]
        surface.send(
            "POST",
            page.select_one(selector)["action"],
            data=data | {"csrf_token": found},
        )
    assert [post.id for post in posts(surface)] == [1, 4]
    found = page.select_one("[data-csrf]")["data-csrf"]
    assert send(surface, "inline edit", found)
    lookup = surface.get(f"{POST}ajax/lookup/", name="author", query="Ada")
    assert "Ada" in lookup


def test_your_own_page_takes_its_token(drive):
    surface = drive(factory("CSRFProtect"))
    assert send(surface, "your own page", surface.token("/admin/publish/"))


def test_trap_secure_form_gives_up_after_half_an_hour(drive, monkeypatch):
    surface = drive(factory("SecureForm"))
    data = EDITED | {"csrf_token": token(surface)}
    later = datetime.now() + timedelta(minutes=31)
    monkeypatch.setattr(SessionCSRF, "now", lambda self: later)
    page = surface.send("POST", f"{POST}edit/?id=1", data=data)
    assert (posts(surface)[0].title, alerts(page)) == ("Notes on the engine", NO_REASON)
    assert "expired" not in page
    page = surface.send("POST", f"{POST}delete/", data=data | {"id": 1})
    assert "CSRF token expired" in alerts(page)


def test_csrf_protect_gives_up_after_an_hour(drive):
    assert drive(factory("CSRFProtect")).app.config["WTF_CSRF_TIME_LIMIT"] == 3600


def test_trap_both_at_once(drive):
    module = without(csrf, "form_base_class = BaseForm", "pass")
    surface = drive(module.create_app)
    page = BeautifulSoup(surface.get(f"{POST}edit/", id=1), "html.parser")
    both = [field["value"] for field in page.select("[name=csrf_token]")]
    data = EDITED | {"csrf_token": both}
    page = surface.send("POST", f"{POST}edit/?id=1", data=data)
    assert (len(both), alerts(page)) == (2, NO_REASON)
    assert posts(surface)[0].title == "Notes on the engine"


@pytest.mark.parametrize(
    ("line", "replacement", "test", "message"),
    [
        ("csrf.init_app(app)", "", refuse, "302 == 400"),
        ("form_base_class = BaseForm", "pass", use_the_forms, "400 BAD REQUEST"),
    ],
)
def test_removal(line, replacement, test, message, drive):
    module = without(csrf, line, replacement)
    with pytest.raises((AssertionError, Failure), match=message):
        test(drive(module.create_app))
