"""No route of the admin answers anybody but an administrator."""

from importlib.metadata import version

import pytest
from packaging.version import Version
from sqlalchemy import text

from snippets.recipes import protected_admin
from tools.measure.access import posts, routes, visit
from tools.measure.removal import without

PASSWORD = "testing"  # noqa: S105


def log_in(surface, name, *options):
    """Make an account, log it in and return the token of its session."""
    done = surface.app.test_cli_runner().invoke(
        args=["create-account", name, *options], input=f"{PASSWORD}\n{PASSWORD}\n"
    )
    assert done.exit_code == 0, done.output
    data = surface.signed("/login", name=name, password=PASSWORD)
    surface.client.post("/login", data=data)
    return data["csrf_token"]


def test_an_anonymous_visitor_is_sent_to_the_login(surface):
    before, token = posts(surface), surface.token("/login")
    for method, path in routes(surface.app):
        answer = visit(surface, method, path, token)
        assert (path, answer.status_code) == (path, 302)
        assert answer.location.startswith("/login?next=")
    assert posts(surface) == before


def test_an_account_that_is_no_administrator_is_refused(surface):
    before, token = posts(surface), log_in(surface, "Grace")
    for method, path in routes(surface.app):
        answer = visit(surface, method, path, token)
        assert (path, answer.status_code) == (path, 403)
    assert posts(surface) == before


def test_an_administrator_is_let_in_until_the_account_changes(surface):
    token = log_in(surface, "Ada", "--admin")
    assert "ada@example.com" in surface.get("/admin/user/")
    for method, path in routes(surface.app):
        # The view of the users has no relation that is looked up.
        if method == "GET" and path != "/admin/user/ajax/lookup/":
            status = visit(surface, method, path, token).status_code
            assert (path, status) == (path, 200)
    visit(surface, "POST", "/admin/post/delete/", token)
    assert [id for id, title in posts(surface)] == [2, 3]

    with surface.elsewhere() as session:
        session.execute(text("UPDATE account SET is_admin = 0"))
        session.commit()
    assert surface.client.get("/admin/").status_code == 403


def test_a_wrong_password_does_not_log_in(surface):
    log_in(surface, "Ada", "--admin")
    surface.client = surface.app.test_client()
    data = surface.signed("/login", name="Ada", password="x")  # noqa: S106
    surface.client.post("/login", data=data)
    assert surface.client.get("/admin/").status_code == 302


def test_static_files_stay_public(surface):
    path = "/admin/static/admin/js/helpers.js"
    assert surface.client.get(path).status_code == 200


def test_trap_mixin_after_the_view(drive):
    module = without(protected_admin, "(AdminOnly, PostView)", "(PostView, AdminOnly)")
    assert drive(module.create_app).rows("/admin/post/")


def test_trap_callback_that_returns_nothing(drive):
    callback = "return current_app.login_manager.unauthorized()"
    surface = drive(without(protected_admin, callback, "return None").create_app)
    open_to_all = Version(version("flask-admin")) < Version("2.1")
    answer = surface.client.get("/admin/post/export/csv/")
    assert answer.status_code == (200 if open_to_all else 403)
    assert ("A compiler" in answer.text) is open_to_all


@pytest.mark.parametrize(
    ("line", "replacement", "test", "message"),
    [
        (
            "current_user.is_authenticated and current_user.is_admin",
            "current_user.is_authenticated",
            test_an_account_that_is_no_administrator_is_refused,
            "'/admin/', 200",
        ),
        (
            "current_user.is_authenticated and current_user.is_admin",
            "True",
            test_an_anonymous_visitor_is_sent_to_the_login,
            "'/admin/', 200",
        ),
        (
            "abort(403)",
            "pass",
            test_an_account_that_is_no_administrator_is_refused,
            "'/admin/', 302",
        ),
        (
            "return current_app.login_manager.unauthorized()",
            "abort(403)",
            test_an_anonymous_visitor_is_sent_to_the_login,
            "'/admin/', 403",
        ),
        (
            "(AdminOnly, AdminIndexView)",
            "(AdminIndexView)",
            test_an_anonymous_visitor_is_sent_to_the_login,
            "'/admin/', 200",
        ),
        (
            ", index_view=ProtectedIndex()",
            "",
            test_an_anonymous_visitor_is_sent_to_the_login,
            "'/admin/', 200",
        ),
        (
            "(AdminOnly, PostView)",
            "(PostView)",
            test_an_anonymous_visitor_is_sent_to_the_login,
            "'/admin/post/', 200",
        ),
        (
            "(AdminOnly, BaseView)",
            "(BaseView)",
            test_an_anonymous_visitor_is_sent_to_the_login,
            "'/admin/report/', 200",
        ),
    ],
)
def test_removal(line, replacement, test, message, drive):
    module = without(protected_admin, line, replacement)
    with pytest.raises(AssertionError, match=message):
        test(drive(module.create_app))
