"""Every writing route is refused, also with a valid token; reading goes on."""

import json

import pytest
from bs4 import BeautifulSoup
from flask import redirect
from flask_admin.actions import action
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.ajax import QueryAjaxModelLoader
from flask_admin.form import SecureForm
from sqlalchemy import select

from snippets.recipes import read_only
from tools.measure.removal import without

WRITES = {
    "new/": {"title": "Mine"},
    "edit/?id=1": {"title": "Mine"},
    "delete/": {"id": "1"},
    "action/": {"action": "delete", "rowid": "1"},
    "ajax/update/": {"list_form_pk": "1", "title": "Mine"},
}
METHODS = '{"GET", "HEAD"}'


class ShoutView(ModelView):
    form_base_class = SecureForm
    can_view_details = True
    can_export = True
    column_searchable_list = ["title"]
    column_editable_list = ["title"]

    @action("shout", "Shout")
    def shout(self, ids):
        for post in self.get_query().filter(self.model.id.in_(map(int, ids))):
            post.title = post.title.upper()
        self.session.commit()


class SettingsView(ShoutView):
    """What most people stop at."""

    can_create = can_edit = can_delete = False


class ClosedView(ModelView):
    """As another class of the bases, which asks for a login, would have it."""

    form_base_class = SecureForm

    def is_accessible(self):
        return False


@pytest.fixture
def start(drive):
    """Start an application that has more views, one of them for its valid token."""

    def make(module=read_only):
        def create_app(config):
            app = module.create_app(config)
            admin = app.extensions["admin"][0]
            session, post = module.db.session, module.Post
            loader = QueryAjaxModelLoader("post", session, post, fields=["title"])
            silent = type(
                "SilentView",
                (module.ReadOnly, ShoutView),
                {"form_ajax_refs": {"post": loader}},
            )
            closed = type("ClosedView", (module.ReadOnly, ClosedView), {})
            admin.add_view(closed(post, session, endpoint="closed"))
            admin.add_view(ShoutView(post, session, endpoint="open"))
            admin.add_view(SettingsView(post, session, endpoint="settings"))
            admin.add_view(silent(post, session, endpoint="silent", name="Silent"))
            return app

        surface = drive(create_app)
        surface.table = module.Post.__table__
        return surface

    return make


def contents(surface):
    with surface.elsewhere() as session:
        return session.execute(select(surface.table)).all()


def post(surface, url, data):
    data = surface.signed("/admin/open/", **data)
    return surface.client.post(url, data=data).status_code


def check_writes(surface):
    before = contents(surface)
    for name in ["post", "silent"]:
        got = {
            route: post(surface, f"/admin/{name}/{route}", data)
            for route, data in WRITES.items()
        }
        assert got == dict.fromkeys(WRITES, 403)
    for route in ["action/", "action/?url=/admin/silent/"]:
        data = {"action": "shout", "rowid": "1"}
        assert post(surface, f"/admin/silent/{route}", data) == 403
    assert contents(surface) == before


def check_every_rule(surface):
    """No route of the read-only views takes a method that writes."""
    seen = set()
    for rule in surface.app.url_map.iter_rules():
        view, _, route = rule.endpoint.partition(".")
        if view not in {"post", "silent"} or route == "static":
            continue
        url = rule.rule.replace("<export_type>", "csv")
        for method in {"POST", "PUT", "PATCH", "DELETE"}:
            status = surface.client.open(url, method=method).status_code
            expected = 403 if method in rule.methods else 405
            assert (url, method, status) == (url, method, expected)
            seen.update({route} if method in rule.methods else ())
    assert " ".join(sorted(seen)) == (
        "action_view ajax_update create_view delete_view edit_view"
    )


def check_pages(surface):
    """Nothing on a page invites to write."""
    for name in ["post", "silent"]:
        for route in ["", "new/", "edit/?id=1", "details/?id=1"]:
            text = surface.send("GET", f"/admin/{name}/{route}")
            page = BeautifulSoup(text, "html.parser")
            assert not page.select("form[method=POST], form[method=post]"), route
            assert not page.select(".action-checkbox, [data-role^=x-editable]")
            assert not page.select("[href*='/new/'], [href*='/edit/']")


def check_reading(surface):
    assert len(surface.rows("/admin/post/", search="first")) == 1
    assert "A first post" in surface.get("/admin/post/details/", id=1)
    assert "A first post" in surface.get("/admin/post/export/csv/")
    for method in "HEAD", "OPTIONS":
        answer = surface.client.open("/admin/post/", method=method)
        assert (method, answer.status_code) == (method, 200)
    found = surface.get("/admin/silent/ajax/lookup/", name="post", query="first")
    assert [id for id, text in json.loads(found)] == [1]


def check_menu(surface):
    """A form that another view shows again is the answer to a POST."""
    data = surface.signed("/admin/open/", title="")
    answer = surface.client.post("/admin/open/new/", data=data)
    assert answer.status_code == 200
    page = BeautifulSoup(answer.text, "html.parser")
    links = {link["href"] for link in page.select("a[href]")}
    assert {"/admin/post/", "/admin/silent/"} <= links


def check_a_closed_view(surface):
    assert surface.client.get("/admin/closed/").status_code == 403
    assert "/admin/closed/" not in surface.get("/admin/open/")


def check_a_callback(surface):
    before = contents(surface)
    for view in surface.app.extensions["admin"][0]._views:
        view.inaccessible_callback = lambda name, **kwargs: redirect("/login")
    answer = surface.client.post("/admin/post/edit/?id=1", data=WRITES["edit/?id=1"])
    assert answer.location == "/login"
    assert contents(surface) == before


CHECKS = [
    check_writes,
    check_every_rule,
    check_pages,
    check_reading,
    check_menu,
    check_a_closed_view,
    check_a_callback,
]


@pytest.mark.parametrize("check", CHECKS)
def test_read_only(check, start):
    check(start())


@pytest.mark.parametrize(
    ("route", "data", "title"),
    [
        ("ajax/update/", WRITES["ajax/update/"], "Mine"),
        ("action/", {"action": "shout", "rowid": "1"}, "A FIRST POST"),
    ],
)
def test_the_settings_alone_let_writes_through(route, data, title, start):
    surface = start()
    post(surface, f"/admin/settings/{route}", data)
    assert [row for row in contents(surface) if row.title == title]


@pytest.mark.parametrize(
    ("line", "replacement", "check", "match"),
    [
        ("can_create = False", "", check_pages, "new/"),
        ("can_edit = False", "", check_pages, "edit/"),
        ("can_delete = False", "", check_pages, "form"),
        ("        return False", "        return True", check_pages, "action"),
        (METHODS, '{"GET", "HEAD", "POST"}', check_writes, "== .*403"),
        (METHODS, '{"GET", "HEAD", "POST"}', check_every_rule, "403"),
        (METHODS, '{"GET"}', check_reading, "HEAD', 403"),
        ("elsewhere or reads", "reads", check_menu, "<="),
        ("return super().is_accessible() and", "return", check_a_closed_view, "200"),
        ("PostView(ReadOnly, ModelView)", "PostView(ModelView)", check_writes, "403"),
        (
            "PostView(ReadOnly, ModelView)",
            "PostView(ModelView, ReadOnly)",
            check_pages,
            "form",
        ),
    ],
)
def test_removal(line, replacement, check, match, start):
    module = without(read_only, line, replacement)
    with pytest.raises(AssertionError, match=match):
        check(start(module))
