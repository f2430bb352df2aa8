"""What a form without the token of the session can change, under each protection."""

from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from flask_admin.contrib.sqla.ajax import QueryAjaxModelLoader
from flask_admin.form import BaseForm, SecureForm
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
EDITED = {"title": "Taken over"}
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
    if protection == "CSRFProtect":
        return csrf.create_app
    module = without(csrf, "csrf.init_app(app)")
    # The page of your own has no token to show then.
    module.PUBLISH = "<button>Publish everything</button>"
    forms = {"SecureForm": SecureForm, "nothing": BaseForm}
    module.PostView.form_base_class = forms[protection]
    return module.create_app


def posts(surface):
    with surface.elsewhere() as session:
        query = text("SELECT id, title, published FROM csrf_post ORDER BY id")
        return session.execute(query).all()


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
            "accepted" if route in accepted else "rejected"
            for accepted in PROTECTIONS.values()
        ]
        assert f"| {route} | {' | '.join(cells)} |" in PAGE.read_text("utf-8")


def test_the_answer_to_a_form_without_a_token(drive):
    reject(drive(csrf.create_app))


def reject(surface):
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
        surface.submit(path, {"title": title}, **query)
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


def test_a_lookup_needs_no_token(drive, monkeypatch):
    loader = QueryAjaxModelLoader("post", csrf.db.session, csrf.Post, fields=["title"])
    monkeypatch.setattr(csrf.PostView, "form_ajax_refs", {"post": loader})
    surface = drive(csrf.create_app)
    assert surface.get(f"{POST}ajax/lookup/", name="post", query="Post 2")[:4] == "[[2,"


def test_your_own_page_takes_its_token(drive):
    surface = drive(factory("CSRFProtect"))
    assert send(surface, "your own page", surface.token("/admin/publish/"))


def test_trap_secure_form_gives_up_after_half_an_hour(drive, monkeypatch):
    surface = drive(factory("SecureForm"))
    data = EDITED | {"csrf_token": token(surface)}
    later = datetime.now() + timedelta(minutes=31)
    monkeypatch.setattr(SessionCSRF, "now", lambda self: later)
    page = surface.send("POST", f"{POST}edit/?id=1", data=data)
    assert (posts(surface)[0].title, alerts(page)) == ("Post 1", NO_REASON)
    assert "expired" not in page
    page = surface.send("POST", f"{POST}delete/", data=data | {"id": 1})
    assert "CSRF token expired" in alerts(page)


def test_csrf_protect_gives_up_after_an_hour(drive):
    assert drive(factory("CSRFProtect")).app.config["WTF_CSRF_TIME_LIMIT"] == 3600


def test_trap_both_at_once(drive):
    module = without(csrf, "form_base_class = CSRFForm", "pass")
    module.PostView.form_base_class = SecureForm
    surface = drive(module.create_app)
    page = BeautifulSoup(surface.get(f"{POST}edit/", id=1), "html.parser")
    both = [field["value"] for field in page.select("[name=csrf_token]")]
    data = EDITED | {"csrf_token": both}
    page = surface.send("POST", f"{POST}edit/?id=1", data=data)
    assert (len(both), alerts(page)) == (2, NO_REASON)
    assert posts(surface)[0].title == "Post 1"


def test_an_exempt_view_still_checks_its_forms(drive):
    check_exempt(drive(csrf.create_app))


def check_exempt(surface):
    """As ``csrf.exempt`` leaves it: the views' own forms reject what has no token."""
    surface.app.config["WTF_CSRF_CHECK_DEFAULT"] = False
    for route in list(ROUTES)[:-1]:
        surface.get(POST)
        assert (route, send(surface, route)) == (route, False)


def test_trap_no_referrer_over_https(drive):
    surface = drive(csrf.create_app)
    secure = {"base_url": "https://localhost"}
    page = surface.client.get(POST, **secure).text
    found = BeautifulSoup(page, "html.parser").select_one("[name=csrf_token]")
    data = {"id": 1, "csrf_token": found["value"]}
    answer = surface.client.post(f"{POST}delete/", data=data, **secure)
    assert "The referrer header is missing." in answer.text
    headers = {"Referer": "https://localhost/admin/post/"}
    surface.client.post(f"{POST}delete/", data=data, headers=headers, **secure)
    assert [post.id for post in posts(surface)] == [2, 3]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_methods_that_are_checked(method, drive):
    surface = drive(csrf.create_app)
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    surface.app.add_url_rule("/yours", view_func=lambda: "done", methods=methods)
    assert surface.client.open("/yours", method=method).status_code == 400
    assert surface.get("/yours") == "done"


def test_the_cookie_is_kept_from_other_sites(drive):
    check_cookie(drive(csrf.create_app))


def check_cookie(surface):
    cookie = surface.client.get(POST).headers["Set-Cookie"]
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize(
    ("line", "replacement", "test", "message"),
    [
        ("    csrf.init_app(app)\n", "", reject, "302 == 400"),
        ("form_base_class = CSRFForm", "pass", check_exempt, "create', True"),
        ("    Meta = FlaskForm.Meta\n", "", check_exempt, "create', True"),
        (
            'app.config["SESSION_COOKIE_SAMESITE"] = "Lax"',
            "",
            check_cookie,
            "SameSite",
        ),
    ],
)
def test_removal(line, replacement, test, message, drive):
    module = without(csrf, line, replacement)
    with pytest.raises((AssertionError, Failure), match=message):
        test(drive(module.create_app))
