"""Only the right password logs in, and nothing but a path of the site comes after."""

import pytest
from flask_admin.helpers import is_safe_url
from sqlalchemy import text
from werkzeug.security import generate_password_hash

from snippets.recipes import flask_login
from tools.measure.access import ELSEWHERE, posts, routes, visit
from tools.measure.removal import without

PASSWORD = "testing"  # noqa: S105
WRONG = "The name or the password is wrong."


@pytest.fixture
def surface(drive):
    return with_account(drive(flask_login.create_app))


def with_account(surface):
    # Hashed in one round: the tests log in often.
    hashed = generate_password_hash(PASSWORD, "pbkdf2:sha256:1")
    insert = text("INSERT INTO account VALUES (1, 'Ada', :hashed, 1)")
    with surface.elsewhere() as session:
        session.execute(insert, {"hashed": hashed})
        session.commit()
    return surface


def stored(surface, name):
    query = text("SELECT password_hash FROM account WHERE name = :name")
    with surface.elsewhere() as session:
        return session.execute(query, {"name": name}).scalar()


def log_in(surface, **changes):
    """Post the login form; return the answer."""
    query = {"next": changes.pop("next", "/admin/")}
    data = surface.signed("/login", **{"name": "Ada", "password": PASSWORD} | changes)
    return surface.client.post("/login", query_string=query, data=data)


def status(surface):
    return surface.client.get("/admin/").status_code


def test_an_account_is_stored_with_a_hash(surface):
    done = surface.app.test_cli_runner().invoke(
        args=["create-account", "Grace"], input=f"{PASSWORD}\n{PASSWORD}\n"
    )
    assert done.exit_code == 0, done.output
    assert PASSWORD not in stored(surface, "Grace")
    log_in(surface, name="Grace")
    assert status(surface) == 403


def test_login_leads_back_to_the_page(surface):
    answer = surface.client.get("/admin/post/?search=compiler&page_size=20")
    assert "Please log in to access this page." in surface.get("/login")
    data = surface.signed("/login", name="Ada", password=PASSWORD)
    answer = surface.client.post(answer.location, data=data)
    assert answer.location == "/admin/post/?search=compiler&page_size=20"
    assert "A compiler" in surface.client.get(answer.location).text
    assert log_in(surface, next="").location == "/admin/"


def test_the_account_comes_from_the_session_of_the_request(surface):
    log_in(surface)
    surface.sessions.clear()
    surface.get("/admin/post/")
    assert len(surface.sessions) == 1


def test_a_wrong_name_and_a_wrong_password_look_the_same(surface, monkeypatch):
    refuse_twice(surface, monkeypatch, flask_login)


def refuse_twice(surface, monkeypatch, module):
    checked = []

    def check(*values):
        checked.append(values)
        return real(*values)

    real = module.check_password_hash
    monkeypatch.setattr(module, "check_password_hash", check)
    answers = [
        log_in(surface, password="x"),  # noqa: S106
        log_in(surface, name="Nobody"),
    ]
    for answer in answers:
        assert (answer.status_code, WRONG in answer.text) == (200, True)
    assert len(checked) == 2
    assert status(surface) == 302


def test_no_other_site_comes_after_the_login(surface):
    for target in ELSEWHERE:
        answer = log_in(surface, next=target)
        assert (target, answer.location) == (target, "/admin/")


def test_trap_the_helper_of_flask_admin(surface):
    with surface.app.test_request_context():
        assert is_safe_url("http:/elsewhere.example")


def test_forms_need_their_token(surface):
    log_in(surface, csrf_token="")
    assert status(surface) == 302
    log_in(surface)
    surface.client.post("/logout")
    assert status(surface) == 200
    assert surface.client.get("/logout").status_code == 405


def test_logging_out(surface):
    log_in(surface)
    cookie = surface.client.get_cookie("session").value
    assert "Log out Ada" in surface.get("/login")
    surface.client.post("/logout", data=surface.signed("/login"))
    assert status(surface) == 302

    # What the recipe cannot do: a copy of the cookie outlives it.
    surface.client.set_cookie("session", cookie)
    assert status(surface) == 200
    surface.app.secret_key = "another"  # noqa: S105
    assert status(surface) == 302


def test_the_id_of_the_cookie_is_text():
    assert flask_login.Account(id=1).get_id() == "1"


def test_an_account_that_is_gone_is_logged_out(surface):
    log_in(surface)
    with surface.elsewhere() as session:
        session.execute(text("DELETE FROM account"))
        session.commit()
    assert status(surface) == 302


def test_attacks_without_a_login(surface):
    before, token = posts(surface), surface.token("/login")
    log_in(surface, password="x")  # noqa: S106
    for method, path in routes(surface.app):
        answer = visit(surface, method, path, token)
        assert (path, answer.status_code) == (path, 302)
    assert posts(surface) == before


@pytest.mark.parametrize(
    ("line", "replacement", "test", "message"),
    [
        (
            "generate_password_hash(password)",
            "password",
            test_an_account_is_stored_with_a_hash,
            "'testing' not in 'testing'",
        ),
        (
            "db.session.get(Account, int(id))",
            "None",
            test_logging_out,
            "Log out Ada",
        ),
        (
            "form.validate_on_submit()",
            'request.method == "POST"',
            test_forms_need_their_token,
            "200 == 302",
        ),
        (
            "check_password_hash(hashed, form.password.data) and found",
            "found",
            test_attacks_without_a_login,
            "'/admin/', 200",
        ),
        (
            "redirect(next_page())",
            'redirect(request.args["next"])',
            test_no_other_site_comes_after_the_login,
            "'https://elsewhere.example/'",
        ),
        (
            r"(?![/\\])",
            "",
            test_no_other_site_comes_after_the_login,
            "'//elsewhere.example/'",
        ),
        (
            r"[^\s\\]*",
            ".*",
            test_no_other_site_comes_after_the_login,
            r"'/\\t/elsewh",
        ),
        (
            "FlaskForm().validate_on_submit()",
            "True",
            test_forms_need_their_token,
            "302 == 200",
        ),
        (
            '@auth.post("/logout")',
            '@auth.route("/logout", methods=["GET", "POST"])',
            test_forms_need_their_token,
            "302 == 405",
        ),
    ],
)
def test_removal(line, replacement, test, message, drive):
    module = without(flask_login, line, replacement)
    with pytest.raises(AssertionError, match=message):
        test(with_account(drive(module.create_app)))


def test_removal_of_the_equal_work(drive, monkeypatch):
    both = "check_password_hash(hashed, form.password.data) and found"
    module = without(
        flask_login, both, "found and check_password_hash(hashed, form.password.data)"
    )
    surface = with_account(drive(module.create_app))
    with pytest.raises(AssertionError, match="assert 1 == 2"):
        refuse_twice(surface, monkeypatch, module)
