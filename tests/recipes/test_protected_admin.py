"""No route of the admin answers anybody but an administrator."""

from importlib.metadata import version

import pytest
from flask_admin import Admin, BaseView, expose
from flask_admin.contrib.sqla import ModelView
from flask_login import current_user
from packaging.version import Version
from sqlalchemy import update

from snippets.recipes import protected_admin
from tools.measure.login import (
    CHECKS,
    accounts,
    check_visitor,
    contents,
    create,
    log_in,
    routes,
    status,
    visit,
    write,
)
from tools.measure.removal import without
from tools.measure.surface import Failure


@pytest.mark.parametrize("check", CHECKS)
def test_login(check, surface):
    check(surface, protected_admin)


def check_no_administrator(surface, module):
    create(surface, module, "Grace", options=[])
    log_in(surface, "Grace")
    before, token = contents(surface, module), surface.token("/login")
    for method, path in routes(surface.app):
        answer = visit(surface, method, path, token)
        assert (path, answer.status_code) == (path, 403)
    assert contents(surface, module) == before


def test_an_account_that_is_no_administrator(surface):
    check_no_administrator(surface, protected_admin)


def test_an_administrator_is_let_in_until_the_account_changes(surface):
    create(surface, protected_admin)
    log_in(surface)
    assert "A first post" in surface.get("/admin/post/")
    token = surface.token("/admin/post/")
    for method, path in routes(surface.app):
        # There is no file of that name, and no relation to look up.
        if method == "GET" and "/static/" not in path and "/lookup/" not in path:
            answer = visit(surface, method, path, token)
            assert (path, answer.status_code) == (path, 200)
    path = "/admin/static/admin/js/helpers.js"
    assert surface.client.get(path).status_code == 200
    visit(surface, "POST", "/admin/post/delete/", token)
    assert surface.rows("/admin/post/") == []

    write(surface, update(protected_admin.Account).values(is_admin=False))
    assert status(surface) == 403


def test_the_command_takes_the_right_away(surface):
    create(surface, protected_admin)
    create(surface, protected_admin, options=[])
    assert [each.is_admin for each in accounts(surface, protected_admin)] == [False]


class Page(BaseView):
    @expose("/", methods=["GET", "POST"])
    def index(self):
        return "open"


def with_more_views(module):
    """The program with what a reader may have: other addresses, another admin."""

    def create_app(config):
        app = module.create_app(config)
        [admin] = app.extensions["admin"]
        admin.add_view(Page(url="/elsewhere", endpoint="elsewhere"))
        admin.add_view(ModelView(module.Account, module.db.session, url="/accounts"))
        Admin(app, url="/second", endpoint="second").add_view(Page(endpoint="own"))
        return app

    return create_app


def test_views_that_were_there_before(drive):
    surface = drive(with_more_views(protected_admin))
    paths = {path for method, path in routes(surface.app)}
    assert paths > {
        "/elsewhere/",
        "/accounts/",
        "/accounts/new/",
        "/second/",
        "/second/own/",
    }
    check_visitor(surface, protected_admin)
    surface.client = surface.app.test_client()
    check_no_administrator(surface, protected_admin)


def test_the_rest_of_the_application_stays_open(drive):
    def create_app(config):
        app = protected_admin.create_app(config)
        app.add_url_rule("/", view_func=lambda: "welcome")
        return app

    client = drive(create_app).client
    assert client.get("/").text == "welcome"
    assert client.get("/administration").status_code == 404


def test_with_a_login_of_your_own(drive):
    """The function is all that such an application needs."""
    module = without(protected_admin, "@auth.before_app_request", "")

    def create_app(config):
        app = module.create_app(config)
        app.before_request(module.protect_admin)
        return app

    check_visitor(drive(create_app), module)


def test_without_the_blueprint_or_the_manager(drive):
    """What is pasted in part is open no longer than it does nothing."""
    line = "    login_manager.init_app(app)\n"
    surface = drive(without(protected_admin, line, "").create_app)
    with pytest.raises(Failure, match="login_manager"):
        surface.get("/admin/")


def per_view(accessible, answer):
    """The program with Flask-Admin's own two methods instead, on one view."""
    module = without(protected_admin, "@auth.before_app_request", "")

    class AdminOnly:
        def is_accessible(self):
            return current_user.is_authenticated and current_user.is_admin

        def inaccessible_callback(self, name, **kwargs):
            return answer() if answer else None

    bases = [AdminOnly, module.PostView][:: 1 if accessible == "first" else -1]
    module.PostView = type("PostView", tuple(bases), {})
    return module


def test_trap_is_accessible_leaves_the_index_open(drive):
    client = drive(per_view("first", lambda: ("no", 403)).create_app).client
    assert client.get("/admin/post/").status_code == 403
    for path in ["/admin/", "/admin/report/"]:
        assert client.get(path).status_code == 200


def test_trap_mixin_after_the_view(drive):
    assert drive(per_view("last", lambda: ("no", 403)).create_app).rows("/admin/post/")


def test_trap_callback_that_returns_nothing(drive):
    client = drive(per_view("first", None).create_app).client
    open_to_all = Version(version("flask-admin")) < Version("2.1")
    answer = client.get("/admin/post/export/csv/")
    assert answer.status_code == (200 if open_to_all else 403)
    assert ("A first post" in answer.text) is open_to_all


@pytest.mark.parametrize(
    ("line", "replacement", "check", "message"),
    [
        (
            "        if not current_user.is_admin:\n            abort(403)\n",
            "",
            check_no_administrator,
            "200 != 403",
        ),
        (
            "        if not current_user.is_authenticated:\n"
            "            return login_manager.unauthorized()\n",
            "",
            check_visitor,
            "500 != 302",
        ),
        ("@auth.before_app_request", "", check_visitor, "200 != 302"),
        (
            "for admin in admins for view in admin._views",
            'for view in admins[0]._views if view.url.startswith("/admin")',
            check_visitor,
            "200 != 302",
        ),
    ],
)
def test_removal(line, replacement, check, message, drive):
    module = without(protected_admin, line, replacement)
    surface = drive(with_more_views(module))
    with pytest.raises(AssertionError, match=message):
        check(surface, module)
