"""Nobody gets past the login without the password, by no route of the admin."""

import secrets

import pytest
from bs4 import BeautifulSoup
from flask.sessions import SecureCookieSessionInterface
from werkzeug.security import check_password_hash, generate_password_hash

from snippets.tutorial import login
from tools.measure.removal import without
from tools.measure.surface import Failure

PASSWORD = secrets.token_hex()
MEMORY = {"default": "sqlite://"}
HASH = generate_password_hash(PASSWORD)


@pytest.fixture
def surface(drive):
    return drive(protected(login))


def protected(module):
    return lambda config: module.create_app(config | {"ADMIN_PASSWORD_HASH": HASH})


def send(surface, **data):
    """Post the login form as its page has it."""
    page = BeautifulSoup(surface.client.get("/login").text, "html.parser")
    fields = {field["name"]: field.get("value", "") for field in page.select("input")}
    return surface.client.post("/login", data=fields | data)


def admin_routes(surface):
    """Each route of the admin but its style sheets, with each of its methods."""
    for rule in surface.app.url_map.iter_rules():
        if rule.rule.startswith("/admin") and not rule.endpoint.endswith("static"):
            for method in rule.methods & {"GET", "POST"}:
                yield method, rule.rule


def opens(surface, path):
    return surface.client.get(path).status_code == 200


def test_an_anonymous_visitor_is_refused_everywhere(surface):
    routes = set(admin_routes(surface))
    assert {
        ("GET", "/admin/"),
        ("GET", "/admin/author/"),
        ("POST", "/admin/author/new/"),
        ("POST", "/admin/author/edit/"),
        ("POST", "/admin/author/delete/"),
        ("POST", "/admin/book/action/"),
        ("POST", "/admin/book/ajax/update/"),
        ("GET", "/admin/book/ajax/lookup/"),
        ("GET", "/admin/book/export/<export_type>/"),
    } <= routes
    for method, path in routes:
        response = surface.client.open(path, method=method)
        assert response.location == "/login", f"{method} {path}"


def test_the_password_opens_the_admin(surface):
    assert send(surface, password=PASSWORD).location == "/admin/"
    for path in "/admin/", "/admin/author/", "/admin/book/new/":
        assert opens(surface, path)
    surface.submit("/admin/author/new/", {"name": "Ada"})
    assert len(surface.rows("/admin/author/")) == 1
    assert surface.pool.checkedout() == 0


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"password": "a guess"}, "Wrong password."),
        ({"password": ""}, "This field is required."),
        ({"password": PASSWORD, "csrf_token": ""}, "CSRF token missing."),
    ],
)
def test_anything_else_does_not(data, says, surface):
    assert says in send(surface, **data).text
    assert not opens(surface, "/admin/")


def test_a_login_without_fields(surface):
    assert "This field is required." in surface.send("POST", "/login")
    assert not opens(surface, "/admin/")


def test_without_a_hash_nobody_gets_in(drive, monkeypatch):
    monkeypatch.delenv("ADMIN_PASSWORD_HASH", raising=False)
    surface = drive(login.create_app)
    for password in "", "a guess":
        assert send(surface, password=password).status_code == 200
        assert not opens(surface, "/admin/")


def test_the_hash_comes_from_the_environment(drive, monkeypatch):
    monkeypatch.setenv("ADMIN_PASSWORD_HASH", HASH)
    assert send(drive(login.create_app), password=PASSWORD).location == "/admin/"


@pytest.mark.parametrize(("key", "accepted"), [("testing", True), ("a guess", False)])
def test_a_cookie_made_by_hand(key, accepted, surface):
    """The key is all that a login rests on: who knows it needs no password."""
    other = login.create_app({"SECRET_KEY": key, "SQLALCHEMY_ENGINES": MEMORY})
    serializer = SecureCookieSessionInterface().get_signing_serializer(other)
    cookie = serializer.dumps({"_user_id": "administrator", "_fresh": True})
    surface.client.set_cookie("session", cookie)
    assert opens(surface, "/admin/") == accepted


def test_log_out(surface):
    send(surface, password=PASSWORD)
    assert 'href="/logout"' in surface.get("/admin/")
    assert surface.client.get("/logout").location == "/login"
    assert not opens(surface, "/admin/")


def test_hash_password(surface):
    runner = surface.app.test_cli_runner()
    done = runner.invoke(args=["hash-password"], input=f"{PASSWORD}\n{PASSWORD}\n")
    printed = done.output.splitlines()[-1]
    assert check_password_hash(printed, PASSWORD)
    assert PASSWORD not in done.output


def refuses(data):
    return lambda surface: test_anything_else_does_not(data, "", surface)


@pytest.mark.parametrize(
    ("line", "replacement", "test", "error"),
    [
        (
            ", index_view=IndexView()",
            "",
            test_an_anonymous_visitor_is_refused_everywhere,
            "GET /admin/\n",
        ),
        (
            "class LibraryView(Protected, ModelView)",
            "class LibraryView(ModelView)",
            test_an_anonymous_visitor_is_refused_everywhere,
            "/admin/(author|book)/",
        ),
        (
            "class LibraryView(Protected, ModelView)",
            "class LibraryView(ModelView, Protected)",
            test_an_anonymous_visitor_is_refused_everywhere,
            "/admin/(author|book)/",
        ),
        (
            "current_user.is_authenticated",
            "True",
            test_an_anonymous_visitor_is_refused_everywhere,
            "/admin/",
        ),
        (
            "not check_password_hash(known, field.data)",
            "False",
            refuses({"password": "a guess"}),
            "assert not True",
        ),
        (
            "class LoginForm(SecureForm)",
            'class LoginForm(__import__("wtforms").Form)',
            refuses({"password": PASSWORD, "csrf_token": ""}),
            "assert not True",
        ),
        (
            "validators=[InputRequired()]",
            "",
            test_a_login_without_fields,
            "'NoneType' object has no attribute 'encode'",
        ),
        ("logout_user()", "pass", test_log_out, "assert not True"),
    ],
)
def test_removal(line, replacement, test, error, drive):
    module = without(login, line, replacement)
    with pytest.raises((AssertionError, Failure), match=error):
        test(drive(protected(module)))


def test_without_the_environment(drive, monkeypatch):
    module = without(login, 'os.environ.get("ADMIN_PASSWORD_HASH", "")', '""')
    monkeypatch.setattr(login, "create_app", module.create_app)
    with pytest.raises(AssertionError, match="assert None == '/admin/'"):
        test_the_hash_comes_from_the_environment(drive, monkeypatch)
