"""Every writing route is refused, also with a valid token; reading goes on."""

import pytest
from bs4 import BeautifulSoup
from flask import redirect
from flask_admin.actions import action
from sqlalchemy import select

from snippets.models import Base, Post
from snippets.recipes import read_only
from snippets.views import PostView
from snippets.workarounds.lazy_session import LazySession
from tools.measure.removal import without

WRITES = {
    "new/": {"title": "Mine", "author": "1"},
    "edit/?id=1": {"title": "Mine", "author": "1"},
    "delete/": {"id": "1"},
    "action/": {"action": "delete", "rowid": "1"},
    "ajax/update/": {"list_form_pk": "1", "title": "Mine"},
}


class ShoutView(PostView):
    @action("shout", "Shout")
    def shout(self, ids):
        for post in self.get_query().filter(Post.id.in_(ids)):
            post.title = post.title.upper()
        self.session.commit()


class SettingsView(ShoutView):
    """What most people stop at."""

    can_create = can_edit = can_delete = False


@pytest.fixture
def start(drive):
    """Start an application that has more views, one of them for its valid token."""

    def make(module=read_only):
        def create_app(config):
            app = module.create_app(config)
            admin, session = app.extensions["admin"][0], LazySession(module.db)
            silent = type("SilentView", (module.ReadOnly, ShoutView), {})
            admin.add_view(PostView(Post, session, endpoint="open"))
            admin.add_view(SettingsView(Post, session, endpoint="settings"))
            admin.add_view(silent(Post, session, endpoint="silent"))
            return app

        return drive(create_app)

    return make


def contents(surface):
    with surface.elsewhere() as session:
        tables = Base.metadata.sorted_tables
        return {table.name: session.execute(select(table)).all() for table in tables}


def post(surface, url, data):
    data = surface.signed("/admin/open/", **data)
    return surface.client.post(url, data=data).status_code


def check_writes(surface):
    before = contents(surface)
    for name in ["user", "post", "silent"]:
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
        if view not in {"user", "post", "silent"} or route == "static":
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
    for name in ["user", "post", "silent"]:
        for route in ["", "new/", "edit/?id=1", "details/?id=1"]:
            text = surface.send("GET", f"/admin/{name}/{route}")
            page = BeautifulSoup(text, "html.parser")
            assert not page.select("form[method=POST], form[method=post]"), route
            assert not page.select(".action-checkbox, [data-role^=x-editable]")
            assert not page.select("[href*='/new/'], [href*='/edit/']")


def check_reading(surface):
    assert len(surface.rows("/admin/post/", search="engine")) == 1
    assert "Grace" in surface.get("/admin/post/details/", id=2)
    assert "Nanoseconds" in surface.get("/admin/post/export/csv/")
    found = surface.get("/admin/post/ajax/lookup/", name="author", query="ada")
    assert "Ada" in found
    assert surface.client.head("/admin/post/").status_code == 200


def check_a_callback(surface):
    before = contents(surface)
    for view in surface.app.extensions["admin"][0]._views:
        view.inaccessible_callback = lambda name, **kwargs: redirect("/login")
    answer = surface.client.post("/admin/post/edit/?id=1", data=WRITES["edit/?id=1"])
    assert answer.location == "/login"
    assert contents(surface) == before


CHECKS = [check_writes, check_every_rule, check_pages, check_reading, check_a_callback]


@pytest.mark.parametrize("check", CHECKS)
def test_read_only(check, start):
    check(start())


@pytest.mark.parametrize(
    ("route", "data", "title"),
    [
        ("ajax/update/", WRITES["ajax/update/"], "Mine"),
        ("action/", {"action": "shout", "rowid": "1"}, "NOTES ON THE ENGINE"),
    ],
)
def test_the_settings_alone_let_writes_through(route, data, title, start):
    surface = start()
    post(surface, f"/admin/settings/{route}", data)
    assert [row for row in contents(surface)["post"] if row.title == title]


@pytest.mark.parametrize(
    ("line", "replacement", "check", "match"),
    [
        ("can_create = False", "", check_pages, "new/"),
        ("can_edit = False", "", check_pages, "edit/"),
        ("can_delete = False", "", check_pages, "form"),
        ("        return False", "        return True", check_pages, "action"),
        (' and request.method in {"GET", "HEAD"}', "", check_writes, "== .*403"),
        (' and request.method in {"GET", "HEAD"}', "", check_every_rule, "403"),
        ('{"GET", "HEAD"}', '{"GET"}', check_reading, "403 == 200"),
        (
            "class ReadOnlyPostView(ReadOnly, PostView)",
            "class ReadOnlyPostView(PostView)",
            check_writes,
            "403",
        ),
        ("(ReadOnly, PostView)", "(PostView, ReadOnly)", check_pages, "form"),
    ],
)
def test_removal(line, replacement, check, match, start):
    module = without(read_only, line, replacement)
    with pytest.raises(AssertionError, match=match):
        check(start(module))
