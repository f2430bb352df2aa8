"""Nobody gets past the login without the password, by no route of the admin."""

import pytest
from flask.sessions import SecureCookieSessionInterface

from snippets.tutorial import login
from tools.measure.login import (
    CHECKS,
    WRONG,
    accounts,
    check_guesses,
    check_new_password,
    check_visitor,
    create,
    log_in,
    status,
)
from tools.measure.removal import without

MEMORY = {"default": "sqlite://"}


@pytest.mark.parametrize("check", CHECKS)
def test_login(check, surface):
    check(surface, login)


def test_the_password_opens_the_admin(surface):
    create(surface, login)
    assert log_in(surface).location == "/admin/"
    for path in "/admin/", "/admin/author/", "/admin/book/new/":
        assert surface.client.get(path).status_code == 200
    assert 'href="/login"' in surface.get("/admin/")
    surface.submit("/admin/author/new/", {"name": "Ada"})
    assert len(surface.rows("/admin/author/")) == 1
    assert surface.pool.checkedout() == 0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"password": "a guess"}, WRONG),
        ({"name": "Grace"}, WRONG),
        ({"password": ""}, "This field is required."),
        ({"csrf_token": ""}, "CSRF token missing."),
    ],
)
def test_anything_else_does_not(data, says, surface):
    create(surface, login)
    assert says in log_in(surface, **data).text
    assert status(surface) == 302


@pytest.mark.parametrize(
    ("key", "known", "code"),
    [("testing", True, 200), ("testing", False, 302), ("a guess", True, 302)],
)
def test_a_cookie_made_by_hand(key, known, code, surface):
    """It takes the key and the token of an account."""
    create(surface, login)
    [account] = accounts(surface, login)
    other = login.create_app({"SECRET_KEY": key, "SQLALCHEMY_ENGINES": MEMORY})
    serializer = SecureCookieSessionInterface().get_signing_serializer(other)
    token = account.token if known else "1"
    cookie = serializer.dumps({"_user_id": token, "_fresh": True})
    surface.client.set_cookie("session", cookie)
    assert status(surface) == code


@pytest.mark.parametrize(
    ("line", "replacement", "check", "error"),
    [
        ("@auth.before_app_request\n", "", check_visitor, "200 != 302"),
        (
            "check_password_hash(hashed, form.password.data) and found",
            "found",
            check_guesses,
            "302, False",
        ),
        (
            "self.token = secrets.token_hex()",
            "self.token = self.token or secrets.token_hex()",
            check_new_password,
            "200 == 302",
        ),
    ],
)
def test_removal(line, replacement, check, error, drive):
    module = without(login, line, replacement)
    surface = drive(module.create_app)
    with pytest.raises(AssertionError, match=error):
        check(surface, module)
