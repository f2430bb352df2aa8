"""Only the right password logs in, and nothing but a path of the site comes after."""

import re

import pytest
from flask_admin.helpers import is_safe_url

from snippets.recipes import flask_login
from tools.measure.login import (
    CHECKS,
    check_guesses,
    check_login,
    check_new_password,
    check_next,
    check_planted_session,
    check_remembered_log_out,
    check_reused_id,
    check_tokens,
    check_url,
    check_visitor,
    create,
    log_in,
)
from tools.measure.removal import without
from tools.measure.surface import Failure


@pytest.mark.parametrize("check", CHECKS)
def test_login(check, surface):
    check(surface, flask_login)


def test_an_account_enters_every_page(surface):
    create(surface, flask_login)
    log_in(surface)
    for path in ["", "post/", "post/new/", "post/edit/?id=1", "post/export/csv/"]:
        assert surface.client.get(f"/admin/{path}").status_code == 200
    assert 'href="/login"' in surface.get("/admin/")


def test_trap_the_helper_of_flask_admin(surface):
    with surface.app.test_request_context():
        assert is_safe_url("http:/elsewhere.example")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_trap_the_url_of_a_view(scheme, drive):
    """A browser reads a scheme and any number of slashes as another site."""
    line = 'if not is_path(request.values.get("url", "/")):'
    module = without(flask_login, line, "if False:")
    surface = drive(module.create_app)
    create(surface, module)
    log_in(surface)
    for route in ["details/", "edit/"]:
        query = {"id": 999, "url": f"{scheme}:/elsewhere.example/"}
        path, base = f"/admin/post/{route}", f"{scheme}://localhost"
        cookie = surface.client.get_cookie("session").value
        answer = surface.app.test_client(use_cookies=False).get(
            path, base, query_string=query, headers={"Cookie": f"session={cookie}"}
        )
        assert re.fullmatch(f"{scheme}:/+elsewhere.example/", answer.location)


def test_trap_the_id_in_the_cookie(surface, monkeypatch):
    """What `UserMixin` does: SQLite gives the id to the next account."""
    load = lambda id: flask_login.db.session.get(flask_login.Account, int(id))  # noqa: E731
    monkeypatch.setattr(flask_login.Account, "get_id", lambda self: str(self.id))
    monkeypatch.setattr(flask_login.login_manager, "_user_callback", load)
    with pytest.raises(AssertionError, match="200 == 302"):
        check_reused_id(surface, flask_login)


@pytest.mark.parametrize(
    ("line", "replacement", "check", "message"),
    [
        (
            "account.password_hash = generate_password_hash(password)",
            "account.password_hash = password",
            check_login,
            "'testing' not in 'testing'",
        ),
        (
            "db.session.scalar(select(Account).filter_by(token=token))",
            "None",
            check_login,
            "302",
        ),
        (
            "self.token = secrets.token_hex()",
            "self.token = self.token or secrets.token_hex()",
            check_new_password,
            "200 == 302",
        ),
        (
            "found or Account(name=name)",
            "Account(name=name)",
            check_new_password,
            "UNIQUE|unique",
        ),
        (
            "            browser_session.clear()\n            login_user",
            "            login_user",
            check_planted_session,
            "302 == 200",
        ),
        (
            'request.method == "POST" and form.validate()',
            'request.method == "POST"',
            check_tokens,
            "CSRF token missing",
        ),
        (
            "check_password_hash(hashed, form.password.data) and found",
            "found",
            check_guesses,
            "False",
        ),
        (
            "check_password_hash(hashed, form.password.data) and found",
            "found and check_password_hash(hashed, form.password.data)",
            check_guesses,
            r"\(1, 1\) == \(3, 1\)",
        ),
        (
            "target if is_path(target) else url_for(",
            "target or url_for(",
            check_next,
            "'https://elsewhere.example/'",
        ),
        (r"(?![/\\])", "", check_next, "'//elsewhere.example/'"),
        (r"[^\s\\]*", ".*", check_next, r"'/\\t/elsewh"),
        (
            'if not is_path(request.values.get("url", "/")):',
            "if False:",
            check_url,
            "200 != 400",
        ),
        (
            "SecureForm(request.form).validate()",
            "True",
            check_tokens,
            "302 == 200",
        ),
        (
            "logout_user()\n    return",
            "pass\n    return",
            check_remembered_log_out,
            "remembered",
        ),
        (
            "logout_user()\n    return",
            "logout_user()\n        browser_session.clear()\n    return",
            check_remembered_log_out,
            "remembered",
        ),
        (
            '@auth.post("/logout")',
            '@auth.route("/logout", methods=["GET", "POST"])',
            check_tokens,
            "302 == 405",
        ),
        ("@auth.before_app_request", "", check_visitor, "200"),
        ("not current_user.is_authenticated", "False", check_visitor, "200"),
    ],
)
def test_removal(line, replacement, check, message, drive):
    module = without(flask_login, line, replacement)
    surface = drive(module.create_app)
    with pytest.raises((AssertionError, Failure), match=message):
        check(surface, module)
