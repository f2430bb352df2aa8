"""Each line of the production page stops its attack, which works without it."""

import io
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urljoin

import pytest
from flask.sessions import SecureCookieSessionInterface
from sqlalchemy import text

from snippets import production
from snippets.recipes import gunicorn_conf
from tools.measure import gunicorn_server, nginx
from tools.measure.login import CHECKS, WRONG, accounts, create, log_in
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts
from tools.paths import SNIPPETS

SOURCE = Path(production.__file__).read_text("utf-8")
NGINX = (SNIPPETS / "starter/admin.conf").read_text("utf-8")
KEY = secrets.token_hex()
GUESS = "dev"
EVIL = "http:/evil.example/x"


@pytest.fixture
def start(drive, monkeypatch):
    """Start the program as its environment says; return a Surface."""
    monkeypatch.setenv("SECRET_KEY", KEY)
    monkeypatch.setenv("TRUSTED_HOSTS", "localhost")

    def start(module=production, **environment):
        def create_app(config):
            monkeypatch.setenv("DATABASE_URL", config["SQLALCHEMY_ENGINES"]["default"])
            for name, value in environment.items():
                monkeypatch.setenv(name, value)
            return module.create_app()

        return drive(create_app)

    return start


@pytest.mark.parametrize("check", CHECKS)
def test_the_login_is_still_one(check, start):
    check(start(), production)


# The start

TOO_SHORT = 'if len(os.environ["SECRET_KEY"]) < 32:'


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set in the environment."),
        ({"SECRET_KEY": "dev"}, "SECRET_KEY has less than 32 characters."),
        ({"TRUSTED_HOSTS": ""}, "TRUSTED_HOSTS is not set in the environment."),
        ({"FLASK_DEBUG": "1"}, "FLASK_DEBUG shows the source to everybody: unset it."),
    ],
)
def test_it_does_not_start(environment, sentence, start):
    with pytest.raises(RuntimeError) as raised:
        start(**environment)
    assert str(raised.value) == sentence


def test_gunicorn_says_so_in_one_sentence(tmp_path):
    write(tmp_path)
    said = r"\nError: SECRET_KEY is not set in the environment\.\n"
    without_key = environment(tmp_path, SECRET_KEY="")
    with (
        pytest.raises(RuntimeError, match=said) as raised,
        gunicorn_server.gunicorn(tmp_path, without_key),
    ):
        pass
    assert "Traceback" not in str(raised.value)


def check_forged_cookie(surface, module):
    """Somebody who read a backup of the database guesses the key."""
    create(surface, module)
    [account] = accounts(surface, module)
    forger = type(surface.app)("forger")
    forger.secret_key = GUESS
    signer = SecureCookieSessionInterface().get_signing_serializer(forger)
    surface.client.set_cookie("session", signer.dumps({"_user_id": account.token}))
    assert surface.client.get("/admin/").status_code == 302


def test_a_cookie_signed_with_a_guess(start):
    check_forged_cookie(start(), production)


def test_removal_of_the_length_of_the_key(start):
    module = without(production, TOO_SHORT, "if False:")
    with pytest.raises(AssertionError, match="200 == 302"):
        check_forged_cookie(start(module, SECRET_KEY=GUESS), module)


def check_debugger(folder, source):
    """Ask a program that fails what it is made of."""
    plant = "    app.add_url_rule('/fail', view_func=lambda: 1 / 0)\n    return app\n"
    assert source.count("    return app\n") == 1
    (folder / "app.py").write_text(source.replace("    return app\n", plant), "utf-8")
    command = [sys.executable, "-m", "flask", "run", "--no-reload", "--port", "0"]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment(folder, TRUSTED_HOSTS="127.0.0.1") | {"FLASK_DEBUG": "1"},
        stderr=subprocess.STDOUT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            for line in process.stdout:
                if "FLASK_DEBUG shows the source to everybody" in line:
                    return
                if found := re.search(r"Running on http://127.0.0.1:(\d+)", line):
                    break
            client = nginx.Client({"http": int(found[1])}, host="127.0.0.1")
            page = client.get("/fail", scheme="http")[1]
        finally:
            process.terminate()
    assert "view_func=lambda" not in page


def test_debug_mode(tmp_path):
    check_debugger(tmp_path, SOURCE)


def test_removal_of_the_check_of_debug_mode(tmp_path):
    with pytest.raises(AssertionError, match="view_func=lambda"):
        check_debugger(tmp_path, SOURCE.replace("if app.debug:", "if False:"))


# Cookies

REMEMBERED = "login_user(found)", "login_user(found, remember=True)"


def cookies(surface, module):
    """What the login sets: the attributes of each cookie."""
    create(surface, module)
    answer = log_in(surface)
    found = SimpleCookie()
    for each in answer.headers.getlist("Set-Cookie"):
        found.load(each)
    # A cookie that is deleted is no cookie.
    return {name: morsel for name, morsel in found.items() if morsel.value}


def check_eavesdropper(found):
    """A browser sends them over HTTPS only."""
    assert [name for name, each in found.items() if not each["secure"]] == []


def check_other_site(found):
    """A browser does not send them with a form of another site."""
    assert [name for name, each in found.items() if each["samesite"] != "Lax"] == []


def check_script(found):
    """A script of the page cannot read them."""
    assert [name for name, each in found.items() if not each["httponly"]] == []


COOKIES = [check_eavesdropper, check_other_site, check_script]


@pytest.mark.parametrize("check", COOKIES)
def test_cookies(check, start):
    module = without(production, *REMEMBERED)
    found = cookies(start(module), module)
    assert {*found} == {"session", "remember_token"}
    check(found)


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("SESSION_COOKIE_SECURE=True,", check_eavesdropper),
        ('SESSION_COOKIE_SAMESITE="Lax",', check_other_site),
    ],
)
def test_removal_of_a_line_about_the_session(line, check, start):
    module = without(production, line)
    with pytest.raises(AssertionError, match=r"\['session'\] == \[\]"):
        check(cookies(start(module), module))


@pytest.mark.parametrize(
    ("line", "check"),
    [
        ("REMEMBER_COOKIE_SECURE=True,", check_eavesdropper),
        ('REMEMBER_COOKIE_SAMESITE="Lax",', check_other_site),
    ],
)
def test_removal_of_a_line_about_remembering(line, check, start, monkeypatch):
    module = without(production, line)
    monkeypatch.setattr(
        module, "login_user", lambda account: remember(account, remember=True)
    )
    remember = production.login_user
    with pytest.raises(AssertionError, match=r"\['remember_token'\] == \[\]"):
        check(cookies(start(module), module))


# Requests


def check_rebinding(surface, module):
    """A page of another site, whose name leads to this address, reads nothing."""
    answer = surface.client.get("/login", base_url="http://evil.example")
    assert (answer.status_code, "password" in answer.text) == (400, False)


def big(size):
    return {"file": (io.BytesIO(b"x" * size), "x")}


def check_big_body(surface, module):
    """A body that fills the disk: uploads are written there."""
    answer = surface.client.post("/login", data=big(1_200_000))
    assert answer.status_code == 413
    assert surface.client.post("/login", data=big(900_000)).status_code == 200


def check_big_field(surface, module):
    """A text that fills the memory."""
    answer = surface.client.post("/login", data={"name": "x" * 300_000} | big(1))
    assert answer.status_code == 413


def check_many_parts(surface, module):
    """A form of many parts takes long to be read."""
    parts = {f"part-{number}": "x" for number in range(600)}
    answer = surface.client.post("/login", data=parts | big(1))
    assert answer.status_code == 413


def guess(surface, times, **environ):
    data = surface.signed("/login", name="Ada", password="a guess")  # noqa: S106
    post = surface.client.post
    return [post("/login", data=data, **environ).status_code for _ in range(times)]


def check_guesses(surface, module):
    """Ten guesses a minute, and the eleventh is not even looked at."""
    create(surface, module)
    assert guess(surface, 10) == [200] * 10
    answer = log_in(surface)
    assert (answer.status_code, WRONG in answer.text) == (429, False)


def check_lock_out(surface, module):
    """Who guesses behind the same proxy does not keep others from logging in."""
    create(surface, module)
    behind = {"headers": {"X-Forwarded-For": "192.0.2.1"}}
    assert guess(surface, 11, **behind)[-1] == 429
    data = surface.signed("/login", name="Ada", password="testing")  # noqa: S106
    behind = {"headers": {"X-Forwarded-For": "192.0.2.2"}}
    assert surface.client.post("/login", data=data, **behind).status_code == 302


def check_answer_to_a_guess(surface, module):
    """The answer does not say how many guesses there are, and when to come back."""
    create(surface, module)
    assert guess(surface, 11)[-1] == 429
    page = log_in(surface).text
    assert "Too Many Requests" in page
    assert "per 1 minute" not in page


def redirected(surface, module, **headers):
    """Where a link with the address of another site leads behind a TLS proxy."""
    create(surface, module)
    log_in(surface)
    found = []
    for route in "details", "edit":
        query = {"id": 999, "url": EVIL}
        path = f"/admin/post/{route}/"
        answer = surface.client.get(path, query_string=query, headers=headers)
        found.append((answer.status_code, answer.location))
    return found


def check_redirect(surface, module):
    assert redirected(surface, module) == [(400, None)] * 2


def check_values_in_the_log(surface, module, caplog):
    """A failed statement is logged, and shown to the editor, without its values."""
    create(surface, module)
    log_in(surface)
    data = surface.signed("/admin/post/new/", title="a patient's name")
    with surface.elsewhere() as session:
        session.execute(text("DROP TABLE production_post"))
        session.commit()
    page = surface.client.post("/admin/post/new/", data=data).text
    assert "INSERT INTO production_post" in alerts(page)
    assert "INSERT INTO production_post" in caplog.text
    assert "a patient's name" not in alerts(page) + caplog.text


CHECKED = [
    check_rebinding,
    check_big_body,
    check_big_field,
    check_many_parts,
    check_guesses,
    check_lock_out,
    check_answer_to_a_guess,
    check_redirect,
]


@pytest.mark.parametrize("check", CHECKED)
def test_stopped(check, start):
    check(start(), production)


def test_values_are_not_logged(start, caplog):
    check_values_in_the_log(start(), production, caplog)


@pytest.mark.parametrize(
    ("line", "replacement", "check", "message"),
    [
        ('TRUSTED_HOSTS=os.environ["TRUSTED_HOSTS"]', "NO=''", check_rebinding, "200"),
        ("MAX_CONTENT_LENGTH=1_000_000,", "", check_big_body, "200 == 413"),
        ("MAX_FORM_MEMORY_SIZE=250_000,", "", check_big_field, "200 == 413"),
        ("MAX_FORM_PARTS=500,", "", check_many_parts, "200 == 413"),
        ("limiter.init_app(app)", "", check_guesses, r"\(302, False\)"),
        ("x_for=1, ", "x_for=0, ", check_lock_out, "429 == 302"),
        ("response.data = ", "_ = ", check_answer_to_a_guess, "10 per 1 minute"),
        (
            "app.before_request(reject_other_sites)",
            "",
            check_redirect,
            r"302, 'http:/+evil\.example/x'",
        ),
    ],
)
def test_removal(line, replacement, check, message, start):
    module = without(production, line, replacement)
    with pytest.raises((AssertionError, Failure), match=message):
        check(start(module), module)


def test_removal_of_the_hidden_parameters(start, caplog):
    module = without(production, ', "hide_parameters": True')
    with pytest.raises(AssertionError, match="a patient's name"):
        check_values_in_the_log(start(module), module, caplog)


def test_the_proxy_alone_closes_the_redirect_too(start):
    """Flask-Admin compares the scheme with that of the request."""
    open_ = "app.before_request(reject_other_sites)"
    module = without(production, open_)
    [*found] = redirected(start(module), module, X_Forwarded_Proto="https")
    assert {urljoin("https://localhost/", place) for _, place in found} == {
        "https://localhost/admin/post/"
    }


# nginx in front of gunicorn

reason = nginx.missing()
real = pytest.mark.skipif(bool(reason), reason=f"No nginx: {reason}")


def environment(folder, **changes):
    return {
        "SECRET_KEY": KEY,
        "DATABASE_URL": f"sqlite:///{folder}/guide.db",
        "TRUSTED_HOSTS": nginx.HOST,
        "PATH": os.environ["PATH"],
    } | changes


def write(folder, *replacements):
    source = SOURCE
    # A busy machine takes longer than a minute for eleven guesses.
    for line, replacement in [("10 per minute", "10 per hour"), *replacements]:
        assert source.count(line) == 1, line
        source = source.replace(line, replacement)
    (folder / "app.py").write_text(source, "utf-8")
    configuration = Path(gunicorn_conf.__file__).read_text("utf-8")
    (folder / "gunicorn.conf.py").write_text(configuration, "utf-8")


@pytest.fixture(scope="module")
def with_account(tmp_path_factory):
    """A database with an account, made by the program's own command."""
    folder = tmp_path_factory.mktemp("account")
    write(folder)
    command = [sys.executable, "-m", "flask", "create-account", "Ada"]
    command += ["--password", "testing"]
    subprocess.run(command, cwd=folder, env=environment(folder), check=True)
    return folder / "guide.db"


@pytest.fixture
def serve(tmp_path, with_account):
    """Start both with lines replaced, on a database with an account."""

    @contextmanager
    def serve(*replacements, conf=(), workers="1", arguments=()):
        write(tmp_path, *replacements)
        configuration = NGINX
        for line, replacement in conf:
            assert configuration.count(line) == 1, line
            configuration = configuration.replace(line, replacement)
        shutil.copy(with_account, tmp_path)
        arguments = ["app:create_app()", "--workers", workers, *arguments]
        with (
            gunicorn_server.gunicorn(
                tmp_path, environment(tmp_path), arguments
            ) as gunicorn,
            nginx.serve(tmp_path, configuration, gunicorn) as site,
        ):
            yield site

    return serve


def test_the_commands_that_are_printed(tmp_path):
    """In a shell: the environment, an account, and gunicorn's own check."""
    write(tmp_path)
    lines = (SNIPPETS / "production.sh").read_text("utf-8")
    assert lines.count("gunicorn ") == 1
    lines = lines.replace("gunicorn ", "gunicorn --check-config ")
    lines = lines.replace("create-account ada", "create-account ada --password x")
    done = subprocess.run(
        ["bash", "-euc", lines],
        cwd=tmp_path,
        env={"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert (tmp_path / "instance/admin.db").exists()


@real
def test_the_admin_behind_nginx(serve):
    with serve(workers="2") as site:
        client = site.client()
        assert client.get("/admin/post/")[0].status == 302
        assert client.log_in("Ada", "testing") == 302
        assert [each for each in client.set if "Secure;" not in each] == []
        saved = client.submit("/admin/post/new/", title="Behind nginx")[0]
        assert (saved.status, saved.headers["Location"]) == (302, "/admin/post/")
        assert "Behind nginx" in client.get("/admin/post/")[1]
        assert (
            client.get("/admin/static/admin/css/bootstrap4/admin.css")[0].status == 200
        )


def check_plain_http(site):
    """A password typed at http:// goes no further than the redirect."""
    client = site.client()
    answer, _ = client.request("POST", "/login", {"password": "x"}, scheme="http")
    assert answer.status == 301
    assert answer.headers["Location"] == "https://admin.example.com/login"


def check_second_visit(site, folder):
    """A browser that was here once sends nothing in the clear."""
    ports = {"http": 80, "https": 443}
    command = ["curl", "-s", "-o", os.devnull, "--hsts", folder / "hsts"]
    command += ["--cacert", site.certificate, "-w", "%{scheme}"]
    for scheme, port in ports.items():
        place = f"{nginx.HOST}:{port}:127.0.0.1:{site.ports[scheme]}"
        command += ["--connect-to", place]
    for scheme in "https", "http":
        url = f"{scheme}://{nginx.HOST}/login"
        done = subprocess.run([*command, url], capture_output=True, text=True)
    assert done.stdout.lower() == "https"


def check_unknown_name(site):
    """Another name is not even given the certificate."""
    client = site.client(host="evil.example")
    client.context.check_hostname = False
    with pytest.raises(OSError, match=r"UNRECOGNIZED_NAME|unrecognized name"):
        client.get("/login")


def check_forged_address(site):
    """An address that the client makes up gives it no further guesses."""
    client = site.client()
    token = client.token("/login")
    statuses = []
    for number in range(11):
        data = {"csrf_token": token, "name": "Ada", "password": "a guess"}
        forged = {"X_Forwarded_For": f"192.0.2.{number}"}
        statuses.append(client.request("POST", "/login", data, **forged)[0].status)
    assert statuses[-1] == 429


def check_lock_out_behind_nginx(site):
    client = site.client("127.0.0.2")
    token = client.token("/login")
    data = {"csrf_token": token, "name": "Ada", "password": "a guess"}
    for _ in range(11):
        status = client.request("POST", "/login", data)[0].status
    assert (status, site.client().log_in("Ada", "testing")) == (429, 302)


def check_link_to_another_site(site):
    client = site.client()
    assert client.log_in("Ada", "testing") == 302
    for route in "details", "edit":
        path = f"/admin/post/{route}/?id=999&url={EVIL}"
        answer, _ = client.get(path)
        place = answer.headers["Location"] or "/"
        # As a browser joins it: one slash after another scheme is as good as two.
        other = re.fullmatch(r"http:/+([^/]+)/.*", place)
        assert (route, place, other) == (route, place, None)


def check_version(site):
    answer, page = site.client().request("GET", "/", scheme="http")
    assert "nginx/" not in f"{answer.headers}{page}"


def check_slow_client(site):
    """A client that sends no body keeps no worker."""
    slow = site.client()
    with slow.connect() as connection:
        connection.sendall(
            f"POST /login HTTP/1.1\r\nHost: {nginx.HOST}\r\nContent-Length: 9\r\n"
            "Content-Type: application/x-www-form-urlencoded\r\n"
            "Expect: 100-continue\r\n\r\n".encode()
        )
        assert b"100 Continue" in connection.recv(100)
        assert site.client().get("/login")[0].status == 200


ONE_THREAD = ["--threads", "1"]


@real
def test_stopped_by_both(serve, tmp_path):
    with serve() as site:
        check_plain_http(site)
        check_unknown_name(site)
        check_version(site)
        check_link_to_another_site(site)
        check_lock_out_behind_nginx(site)
    with serve(arguments=ONE_THREAD) as site:
        check_slow_client(site)
        check_forged_address(site)


@real
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed.")
def test_the_second_visit(serve, tmp_path):
    with serve() as site:
        check_second_visit(site, tmp_path)
    line = 'add_header Strict-Transport-Security "max-age=31536000" always;'
    (tmp_path / "hsts").unlink()
    with (
        serve(conf=[(line, "")]) as site,
        pytest.raises(AssertionError, match="'http' == 'https'"),
    ):
        check_second_visit(site, tmp_path)


REJECT = "app.before_request(reject_other_sites)"
UNKNOWN = """server {
    listen 443 ssl default_server;
    ssl_reject_handshake on;
}
"""
PROTO = "proxy_set_header X-Forwarded-Proto $scheme;"


@real
@pytest.mark.parametrize(
    ("check", "replacements", "conf", "message"),
    [
        (
            check_plain_http,
            [],
            [
                ("    listen 80 default_server;\n", "    listen 8 default_server;\n"),
                ("server_name ", "listen 80;\n    server_name "),
            ],
            "200 == 301",
        ),
        (
            check_unknown_name,
            [],
            [(UNKNOWN, "")],
            "DID NOT RAISE",
        ),
        (
            check_forged_address,
            [],
            [("proxy_set_header X-Forwarded-For $remote_addr;", "")],
            "200 == 429",
        ),
        (
            check_lock_out_behind_nginx,
            [("x_for=1, ", "x_for=0, ")],
            [],
            r"\(429, 429\) == \(429, 302\)",
        ),
        (
            check_link_to_another_site,
            [(REJECT, "")],
            [(PROTO, "")],
            r"http:/+evil\.example/x",
        ),
        (check_version, [], [("server_tokens off;", "")], "nginx/"),
    ],
)
def test_removal_behind_nginx(check, replacements, conf, message, serve):
    with (
        serve(*replacements, conf=conf) as site,
        pytest.raises((AssertionError, pytest.fail.Exception), match=message),
    ):
        check(site)


@real
def test_each_of_the_two_closes_the_redirect(serve):
    for replacements, conf in [([(REJECT, "")], []), ([], [(PROTO, "")])]:
        with serve(*replacements, conf=conf) as site:
            check_link_to_another_site(site)


@real
def test_without_the_name_of_the_site_nothing_is_answered(serve):
    """nginx would send the name of the upstream, which is not trusted."""
    with serve(conf=[("proxy_set_header Host $host;", "")]) as site:
        assert site.client().get("/login")[0].status == 400


@real
def test_a_slow_client_without_nginx(serve):
    """It has the only thread of gunicorn."""
    with serve(arguments=ONE_THREAD) as site:
        site.ports["http"] = site.gunicorn.port
        slow = site.client()
        with slow.connect("http") as connection:
            connection.sendall(
                f"POST /login HTTP/1.1\r\nHost: {nginx.HOST}\r\nContent-Length: 9\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\n"
                "Expect: 100-continue\r\n\r\n".encode()
            )
            assert b"100 Continue" in connection.recv(100)
            with site.client().connect("http") as other:
                other.settimeout(1)
                other.sendall(
                    f"GET /login HTTP/1.1\r\nHost: {nginx.HOST}\r\n\r\n".encode()
                )
                with pytest.raises(socket.timeout):
                    other.recv(100)


def test_gunicorn_is_reached_through_nginx_only(tmp_path):
    """Its default is 127.0.0.1; another address lets a client choose its own."""
    write(tmp_path)
    for address, reached in ("127.0.0.1", False), ("0.0.0.0", True):  # noqa: S104
        with gunicorn_server.gunicorn(
            tmp_path, environment(tmp_path), address=address
        ) as gunicorn:
            outside = socket.socket()
            # Linux has all of 127.0.0.0/8: another address of this machine.
            answer = outside.connect_ex(("127.0.0.2", gunicorn.port))
            outside.close()
        assert (address, answer == 0) == (address, reached)


@real
def test_each_worker_counts_alone(serve):
    """With the counters in memory, two workers give twice as many guesses."""
    with serve(workers="2") as site:
        client = site.client()
        data = {"csrf_token": client.token("/login"), "name": "Ada", "password": "x"}
        statuses = [client.request("POST", "/login", data)[0].status for _ in range(21)]
    assert 10 <= statuses.count(200) <= 20
