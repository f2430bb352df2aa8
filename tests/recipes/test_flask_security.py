"""Roles decide who reaches which view; wrong credentials all look the same."""

import re
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from snippets.recipes import flask_security
from tools.measure.access import ELSEWHERE, routes, visit
from tools.measure.removal import without
from tools.measure.surface import Failure, describe

PASSWORD = "testing-it"  # noqa: S105
NO_SALT = "The configuration value `SECURITY_PASSWORD_SALT` must not be None"
OFFLINE = {"SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False}}
FAST = {"SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS": {"pbkdf2_sha512__rounds": 1}}


@pytest.fixture(autouse=True)
def salt(monkeypatch):
    monkeypatch.setenv("SECURITY_PASSWORD_SALT", "testing")


@pytest.fixture
def surface(drive):
    return drive(fast(flask_security))


def fast(module):
    """The factory of a module, with hashes that are made quickly, and offline."""
    return lambda config: module.create_app(config | OFFLINE | FAST)


def posts(surface):
    with surface.elsewhere() as session:
        query = text("SELECT id, title FROM flask_security_post ORDER BY id")
        return session.execute(query).all()


def command(surface, *args, input=None):
    done = surface.app.test_cli_runner().invoke(args=args, input=input)
    assert done.exit_code == 0, describe(done.exception) + done.output


def make_account(surface, role=None):
    email = "ada@example.com"
    passwords = f"{PASSWORD}\n{PASSWORD}\n"
    command(surface, "users", "create", email, "--active", input=passwords)
    if role:
        command(surface, "roles", "create", role)
        command(surface, "roles", "add", email, role)


def log_in(surface, next="/admin/", **changes):
    typed = {"email": "ada@example.com", "password": PASSWORD} | changes
    data = surface.signed("/login", **typed)
    return surface.client.post("/login", query_string={"next": next}, data=data)


def attack(surface, token=""):
    """The statuses that the routes answer with: of the index and of each view."""
    found = {}
    for method, path in routes(surface.app):
        answer = visit(surface, method, path, token)
        found.setdefault(path.split("/")[2], set()).add(answer.status_code)
    return found


def change(surface, statement):
    with surface.elsewhere() as session:
        session.execute(text(statement))
        session.commit()


def status(surface, path="/admin/"):
    return surface.client.get(path).status_code


def test_a_visitor_is_sent_to_the_login(surface):
    before = posts(surface)
    assert attack(surface) == {"": {302}, "post": {302}, "member": {302}}
    assert surface.client.get("/admin/post/").location == "/login?next=/admin/post/"
    assert posts(surface) == before


@pytest.mark.parametrize("role", [None, "reader"])
def test_an_account_without_the_role_is_refused(surface, role):
    make_account(surface, role)
    log_in(surface)
    before = posts(surface)
    assert attack(surface) == {"": {403}, "post": {403}, "member": {403}}
    assert posts(surface) == before


def test_an_editor_reaches_the_posts_alone(surface):
    make_account(surface, "editor")
    assert log_in(surface, "/admin/post/").location == "/admin/post/"
    found = attack(surface, surface.token("/admin/post/"))
    assert found["member"] == {403}
    assert 403 not in found[""] | found["post"]
    assert not {1} & {id for id, title in posts(surface)}


def test_an_administrator_reaches_everything_by_one_session(surface):
    make_account(surface, "admin")
    log_in(surface)
    surface.sessions.clear()
    assert "ada@example.com" in surface.get("/admin/member/")
    assert len(surface.sessions) == 1
    assert status(surface, "/admin/post/") == 200


@pytest.mark.parametrize(
    ("statement", "after"),
    [
        ("DELETE FROM flask_security_member_role", 403),
        ("UPDATE flask_security_member SET active = false", 302),
        ("UPDATE flask_security_member SET fs_uniquifier = 'another'", 302),
    ],
)
def test_a_change_of_the_account_works_at_once(surface, statement, after):
    make_account(surface, "admin")
    log_in(surface)
    assert status(surface) == 200
    change(surface, statement)
    assert status(surface) == after


def test_wrong_credentials_all_look_the_same(surface):
    make_account(surface, "admin")
    answers = {
        errors(log_in(surface, password="x" * 8)),
        errors(log_in(surface, email="nobody@example.com")),
    }
    assert answers == {"Authentication failed - identity or password/passcode invalid"}
    assert status(surface) == 302


def errors(answer):
    page = BeautifulSoup(answer.text, "html.parser")
    return " ".join(item.get_text() for item in page.select(".fs-error-msg"))


def test_the_login_form(surface):
    make_account(surface, "admin")
    log_in(surface, csrf_token="")
    assert status(surface) == 302
    for target in ELSEWHERE:
        surface.client = surface.app.test_client()
        # As a browser reads the address that comes after the login, if one does.
        location = (log_in(surface, target).location or "").replace("\\", "/")
        host = urlsplit(urljoin("http://localhost/login", location)).netloc
        assert (target, host) == (target, "localhost")
    surface.client = surface.app.test_client()
    log_in(surface)
    assert surface.client.get("/logout").status_code == 405
    page = BeautifulSoup(surface.client.post("/logout").text, "html.parser")
    token = page.select_one("[name=csrf_token]")["value"]
    surface.client.post("/logout", data={"csrf_token": token})
    assert status(surface) == 302


def check_logout(surface):
    """Another site sends the form: it has the cookie and no token."""
    make_account(surface, "admin")
    log_in(surface)
    answer = surface.client.post("/logout")
    assert "Confirm Sign Out" in answer.text
    assert surface.client.post("/logout", data={"csrf_token": "x"}).status_code == 200
    assert status(surface) == 200
    page = BeautifulSoup(answer.text, "html.parser")
    token = page.select_one("[name=csrf_token]")["value"]
    answer = surface.client.post("/logout", data={"csrf_token": token})
    assert answer.location == "/login"
    assert status(surface) == 302


def check_old_token(surface):
    """Somebody planted a session whose token they know."""
    make_account(surface, "admin")
    token = surface.token("/login")
    with surface.client.session_transaction() as session:
        session["csrf"] = "planted"
    log_in(surface)
    surface.client.post("/logout", data={"csrf_token": token})
    assert status(surface) == 200
    surface.get("/admin/post/")
    with surface.client.session_transaction() as session:
        assert session["csrf"] != "planted"


def check_cookies(surface):
    make_account(surface, "admin")
    answer = log_in(surface, remember="y")
    cookies = {
        line.partition("=")[0]: line for line in answer.headers.getlist("Set-Cookie")
    }
    assert "SameSite=Lax" in cookies["session"]
    remember = cookies["remember_token"]
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= set(remember.split("; "))
    expires = parsedate_to_datetime(re.search("Expires=([^;]+)", remember)[1])
    assert expires - datetime.now(timezone.utc) <= timedelta(days=14)


def check_api_tokens(surface):
    make_account(surface, "admin")
    data = {"email": "ada@example.com", "password": PASSWORD}
    data["csrf_token"] = surface.token("/login")
    answer = surface.client.post("/login?include_auth_token", json=data)
    token = answer.json["response"]["user"]["authentication_token"]
    visitor = surface.app.test_client()
    headers = {"Authentication-Token": token}
    assert visitor.get("/admin/", headers=headers).status_code == 302
    assert visitor.get(f"/admin/?auth_token={token}").status_code == 302


def check_copied_cookie(surface):
    """Under Limitations: it outlives the logout, until the password changes."""
    make_account(surface, "admin")
    log_in(surface)
    cookie = surface.client.get_cookie("session").value
    page = BeautifulSoup(surface.client.post("/logout").text, "html.parser")
    token = page.select_one("[name=csrf_token]")["value"]
    surface.client.post("/logout", data={"csrf_token": token})
    assert status(surface) == 302
    surface.client.set_cookie("session", cookie)
    assert status(surface) == 200
    options = ["ada@example.com", "--password", "another-of-these"]
    command(surface, "users", "change_password", *options)
    assert status(surface) == 302


def check_landing(surface):
    make_account(surface, "admin")
    assert log_in(surface, next=None).location == "/admin/"


@pytest.mark.parametrize(
    "check",
    [
        *(check_logout, check_old_token, check_cookies, check_landing),
        *(check_api_tokens, check_copied_cookie),
    ],
)
def test_session(check, surface):
    check(surface)


def test_the_members_form_has_no_secret(surface):
    make_account(surface, "admin")
    log_in(surface)
    for path in "/admin/member/", "/admin/member/edit/?id=1":
        page = surface.send("GET", path)
        assert "fs_uniquifier" not in page
        assert "pbkdf2" not in page
    data = {
        "password": "x",
        "fs_uniquifier": "x",
        "active": "y",
        "email": "x@y.example",
    }
    surface.submit("/admin/member/edit/", data, id=1)
    with surface.elsewhere() as session:
        query = text("SELECT email, password FROM flask_security_member")
        assert session.execute(query).one()[0] == "ada@example.com"


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO flask_security_member_role VALUES (1, 1)",
        "INSERT INTO flask_security_role (id, name) VALUES (2, 'admin')",
        "INSERT INTO flask_security_member (id, email, password, active, fs_uniquifier)"
        " VALUES (2, 'ada@example.com', '', true, '2')",
        "INSERT INTO flask_security_member (id, email, password, active, fs_uniquifier)"
        " SELECT 2, 'eve@example.com', '', true, fs_uniquifier"
        " FROM flask_security_member",
    ],
)
def test_nobody_is_there_twice(surface, statement):
    make_account(surface, "admin")
    with pytest.raises(IntegrityError):
        change(surface, statement)


def test_a_password_is_hashed_slowly(drive):
    surface = drive(lambda config: flask_security.create_app(config | OFFLINE))
    make_account(surface)
    with surface.elsewhere() as session:
        query = text("SELECT password FROM flask_security_member")
        assert session.scalar(query).startswith("$pbkdf2-sha512$220000$")


def test_a_missing_salt_is_an_error(surface, monkeypatch, drive):
    monkeypatch.delenv("SECURITY_PASSWORD_SALT")
    with pytest.raises(AssertionError, match=NO_SALT):
        make_account(drive(fast(flask_security)))


def test_another_salt_locks_everybody_out(surface):
    make_account(surface, "admin")
    surface.app.config["SECURITY_PASSWORD_SALT"] += "another"
    assert "password" in errors(log_in(surface))


def test_the_default_hash_needs_another_package(drive):
    line = 'SECURITY_PASSWORD_HASH="pbkdf2_sha512",'
    module = without(flask_security, line)
    with pytest.raises(AssertionError, match="MissingBackendError: argon2"):
        make_account(drive(fast(module)))


@pytest.mark.parametrize(
    ("line", "replacement", "test", "message"),
    [
        (
            "any(map(current_user.has_role, self.roles))",
            "True",
            test_a_visitor_is_sent_to_the_login,
            "200",
        ),
        (
            "any(map(current_user.has_role, self.roles))",
            "current_user.is_authenticated",
            lambda surface: test_an_account_without_the_role_is_refused(surface, None),
            "200",
        ),
        (
            "abort(403)",
            "pass",
            lambda surface: test_an_account_without_the_role_is_refused(surface, None),
            "302",
        ),
        (
            "return current_app.login_manager.unauthorized()",
            "abort(403)",
            test_a_visitor_is_sent_to_the_login,
            "403",
        ),
        (
            ", index_view=Index()",
            "",
            test_a_visitor_is_sent_to_the_login,
            "200",
        ),
        (
            "MemberView(RoleOnly, ModelView)",
            "MemberView(ModelView)",
            test_an_editor_reaches_the_posts_alone,
            "200",
        ),
        (
            'class PostView(RoleOnly, ModelView):\n    roles = ["admin", "editor"]',
            "class PostView(RoleOnly, ModelView):\n    pass",
            test_an_editor_reaches_the_posts_alone,
            "403",
        ),
        (
            "SECURITY_RETURN_GENERIC_RESPONSES=True,",
            "",
            test_wrong_credentials_all_look_the_same,
            "Invalid password",
        ),
        ("        SECURITY_LOGOUT_CSRF=True,\n", "", check_logout, "Confirm"),
        (
            "    user_authenticated.connect(forget_tokens, app)\n",
            "",
            check_old_token,
            "302 == 200",
        ),
        (
            "    app.login_manager.request_loader(lambda request: None)\n",
            "",
            check_api_tokens,
            "200 == 302",
        ),
        ('browser_session.pop("csrf", None)', "", check_old_token, "planted"),
        ('browser_session.pop("csrf_token", None)', "", check_old_token, "302 == 200"),
        ('SESSION_COOKIE_SAMESITE="Lax",', "", check_cookies, "SameSite"),
        ('REMEMBER_COOKIE_SAMESITE="Lax",', "", check_cookies, "SameSite"),
        ("REMEMBER_COOKIE_SECURE=True,", "", check_cookies, "Secure"),
        (
            "REMEMBER_COOKIE_DURATION=timedelta(days=14),",
            "",
            check_cookies,
            "days=14",
        ),
        ('SECURITY_POST_LOGIN_VIEW="/admin/",', "", check_landing, "'/' == '/admin/'"),
        (
            'form_columns = ["active", "roles"]',
            "",
            test_the_members_form_has_no_secret,
            "fs_uniquifier",
        ),
        (
            'os.environ.get("SECURITY_PASSWORD_SALT")',
            "None",
            make_account,
            NO_SALT,
        ),
    ],
)
def test_removal(line, replacement, test, message, drive):
    module = without(flask_security, line, replacement)
    with pytest.raises((AssertionError, Failure), match=message):
        test(drive(fast(module)))
