"""What every login of the guide has to withstand, for the tests of its programs.

A check takes a Surface and the module of its program.
"""

# The checks say by assertions what they expect.
# ruff: noqa: S101

from functools import partial

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from tools.measure.access import ATTACK, ELSEWHERE

PASSWORD = "testing"  # noqa: S105
WRONG = "The name or the password is wrong."
OPTIONS = {"protected_admin": ["--admin"], "tenants": ["North"]}


def create(surface, module, name="Ada", password=PASSWORD, options=None):
    """Make an account, or change its password, by the program's command."""
    program = module.__name__.rpartition(".")[2].removesuffix("_without")
    options = OPTIONS.get(program, []) if options is None else options
    done = surface.app.test_cli_runner().invoke(
        args=["create-account", name, *options], input=f"{password}\n{password}\n"
    )
    assert done.exit_code == 0, done.output


def log_in(surface, name="Ada", password=PASSWORD, target="/admin/", **changes):
    """Post the login form; return the answer."""
    data = surface.signed("/login", name=name, password=password) | changes
    return surface.client.post("/login", query_string={"next": target}, data=data)


def status(surface):
    return surface.client.get("/admin/").status_code


def accounts(surface, module):
    with surface.elsewhere() as session:
        return list(session.scalars(select(module.Account)))


def write(surface, *statements):
    with surface.elsewhere() as session:
        for statement in statements:
            session.execute(statement)
        session.commit()


def contents(surface, module):
    """Every row of every table, as another connection sees them."""
    with surface.elsewhere() as session:
        return {
            table.name: session.execute(
                select(table).order_by(*table.primary_key.columns)
            ).all()
            for table in module.Base.metadata.sorted_tables
        }


def routes(app):
    """Every route of each view of each admin, with each method that it takes."""
    views = [view for admin in app.extensions["admin"] for view in admin._views]
    names = {view.endpoint for view in views}
    found = {
        (
            method,
            rule.rule.replace("<export_type>", "csv").replace("<path:filename>", "x"),
        )
        for rule in app.url_map.iter_rules()
        for method in rule.methods & {"GET", "POST"}
        if rule.endpoint.partition(".")[0] in names
    }
    # Every view has a list or a page of its own.
    assert {("GET", view.url.rstrip("/") + "/") for view in views} <= found
    return sorted(found)


def visit(surface, method, path, token, **query):
    data = ATTACK | {"csrf_token": token} if method == "POST" else None
    query = {"id": 1, "name": "author", "query": ""} | query
    return surface.client.open(path, method=method, query_string=query, data=data)


def check_visitor(surface, module):
    create(surface, module)
    before, token = contents(surface, module), surface.token("/login")
    log_in(surface, password="x")  # noqa: S106
    for method, path in routes(surface.app):
        answer = visit(surface, method, path, token)
        assert (path, answer.status_code) == (path, 302)
        assert answer.location.startswith("/login?next=")
    assert contents(surface, module) == before


def check_login(surface, module):
    create(surface, module)
    [account] = accounts(surface, module)
    assert PASSWORD not in account.password_hash
    for path in ["/admin/", "/admin/?page_size=20&search=a+b"]:
        location = surface.client.get(path).location
        assert "Please log in to access this page." in surface.get("/login")
        data = surface.signed("/login", name="Ada", password=PASSWORD)
        answer = surface.client.post(location, data=data)
        assert (answer.location, status(surface)) == (path, 200)
        surface.client = surface.app.test_client()
    assert log_in(surface, target="").location == "/admin/"
    data = surface.signed("/login", name="Ada", password=PASSWORD)
    assert surface.client.post("/login", data=data).location == "/admin/"


def check_one_session(surface, module):
    """The account comes from the session that the views use too."""
    create(surface, module)
    log_in(surface)
    surface.sessions.clear()
    surface.get("/admin/")
    assert len(surface.sessions) == 1


def check_guesses(surface, module):
    """A wrong name and a wrong password look the same, and take the same work."""
    create(surface, module)
    checked, real = [], module.check_password_hash
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            module,
            "check_password_hash",
            lambda *values: checked.append(values) or real(*values),
        )
        for guess in [{"password": "x"}, {"name": "Nobody"}, {"name": "' OR 1=1 --"}]:
            answer = log_in(surface, **guess)
            assert (answer.status_code, WRONG in answer.text) == (200, True)
    methods = [hashed.partition("$")[0] for hashed, guess in checked]
    assert (len(checked), len(set(methods))) == (3, 1)
    for empty in "name", "password":
        assert "This field is required." in log_in(surface, **{empty: ""}).text
    assert status(surface) == 302


def check_next(surface, module):
    """No other site comes after the login."""
    create(surface, module)
    for target in ELSEWHERE:
        answer = log_in(surface, target=target)
        assert (target, answer.location) == (target, "/admin/")


def check_url(surface, module):
    """Nor after a view, also where a proxy ends TLS and the application sees http."""
    create(surface, module)
    log_in(surface)
    token = surface.token("/login")
    for method, path in routes(surface.app):
        for target in ELSEWHERE:
            answer = visit(surface, method, path, token, id=999, url=target)
            assert (path, target, answer.status_code) == (path, target, 400)
            if method == "POST":
                data = ATTACK | {"csrf_token": token, "url": target}
                answer = surface.client.post(path, data=data)
                assert (path, target, answer.status_code) == (path, target, 400)


def check_tokens(surface, module):
    create(surface, module)
    assert "CSRF token missing." in log_in(surface, csrf_token="").text
    assert status(surface) == 302
    log_in(surface)
    surface.client.post("/logout")
    assert status(surface) == 200
    assert surface.client.get("/logout").status_code == 405


def check_planted_session(surface, module):
    """The token of a session that somebody else prepared is worth nothing after."""
    create(surface, module)
    token = surface.token("/login")
    log_in(surface)
    surface.client.post("/logout", data={"csrf_token": token})
    assert status(surface) == 200


def check_log_out(surface, module):
    create(surface, module)
    log_in(surface)
    cookie = surface.client.get_cookie("session").value
    assert "Log out Ada" in surface.get("/login")
    answer = surface.client.post("/logout", data=surface.signed("/login"))
    assert answer.location == "/login"
    assert status(surface) == 302

    # Under Limitations: a copy of the cookie outlives it, until the password changes.
    surface.client.set_cookie("session", cookie)
    assert status(surface) == 200
    create(surface, module, password="another")  # noqa: S106
    assert status(surface) == 302


def check_remembered_log_out(surface, module):
    """Where a login of your own remembers accounts, too."""
    create(surface, module)
    plain = module.login_user
    module.login_user = partial(plain, remember=True)
    try:
        log_in(surface)
    finally:
        module.login_user = plain
    assert surface.client.get_cookie("remember_token")
    surface.client.post("/logout", data=surface.signed("/login"))
    assert status(surface) == 302, "still remembered"


def check_new_password(surface, module):
    create(surface, module)
    log_in(surface)
    create(surface, module, password="another")  # noqa: S106
    assert status(surface) == 302
    assert WRONG in log_in(surface).text
    log_in(surface, password="another")  # noqa: S106
    assert (status(surface), len(accounts(surface, module))) == (200, 1)


def check_deleted_account(surface, module):
    create(surface, module)
    log_in(surface)
    write(surface, delete(module.Account))
    assert status(surface) == 302


def check_reused_id(surface, module):
    """SQLite gives the id of a deleted account to the next one."""
    create(surface, module, "mallory")
    log_in(surface, "mallory")
    [mallory] = accounts(surface, module)
    write(surface, delete(module.Account))
    create(surface, module, "boss")
    write(surface, update(module.Account).values(id=mallory.id))
    assert status(surface) == 302


def check_unique(surface, module):
    create(surface, module)
    table = module.Account.__table__
    with surface.elsewhere() as session:
        account = dict(session.execute(select(table)).mappings().one())
    for column, other in ("name", "token"), ("token", "name"):
        values = account | {"id": account["id"] + 1, other: "another"}
        with pytest.raises(IntegrityError, match=column):
            write(surface, insert(table).values(values))


CHECKS = [
    check_unique,
    check_visitor,
    check_login,
    check_one_session,
    check_guesses,
    check_next,
    check_url,
    check_tokens,
    check_planted_session,
    check_log_out,
    check_remembered_log_out,
    check_new_password,
    check_deleted_account,
    check_reused_id,
]
