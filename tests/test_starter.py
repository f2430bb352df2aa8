"""The starter is the recipes' own code, and runs as in production."""

import ast
import io
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

from tools import claims
from tools.listing import program
from tools.measure import gunicorn_server, nginx
from tools.measure.reliability import postgres
from tools.paths import DOCS, SNIPPETS
from tools.publish.browser import find_browser, launch

STARTER = SNIPPETS / "starter"
KEY = "testing-" * 8
PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def pack(monkeypatch):
    """The extension that makes the archive."""
    monkeypatch.syspath_prepend(DOCS / "_ext")
    import starter

    return starter


@pytest.fixture
def folder(pack, tmp_path):
    """The archive of the page, unpacked."""
    ZipFile(io.BytesIO(pack.archive())).extractall(tmp_path)
    return tmp_path / "starter"


def run(folder, *command, **environment):
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": PATH, "HOME": str(folder)} | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# The archive


def test_the_archive_holds_every_file(folder):
    tracked = {path.relative_to(STARTER) for path in STARTER.rglob("*")}
    found = {path.relative_to(folder) for path in folder.rglob("*")}
    assert found == {path for path in tracked if "__pycache__" not in path.parts}


def test_the_archive_is_the_same_each_time(pack, tmp_path):
    copy = shutil.copytree(STARTER, tmp_path / "copy")
    os.utime(copy / "app.py", (0, 10**9))
    (copy / "app.py").chmod(0o600)
    assert pack.archive(copy) == pack.archive()
    (copy / "app.py").write_text("", "utf-8")
    assert pack.archive(copy) != pack.archive()


def test_the_requirements_are_what_the_guide_is_tested_with():
    lines = (STARTER / "requirements.txt").read_text("utf-8").splitlines()
    pins = claims.pins()
    for line in map(Requirement, lines):
        assert line.specifier in [pin.specifier for pin in pins[line.name]], line


# The code

# What each file repeats, and of which programs.
REPEATED = {
    "db.py": {"workarounds/proxy_sqlalchemy": ["LazySession", "ProxySQLAlchemy"]},
    "models.py": {"recipes/tenants": ["Tenant", "Owned", "Account"]},
    "audit.py": {"recipes/audit_trail": ["SECRET", "who", "changes", "write_down"]},
    "login.py": {
        "recipes/tenants": [
            *["auth", "login_manager", "login_manager.login_view", "NOBODY", "PAGE"],
            *["LoginForm", "is_path", "load_account", "protect_admin", "login"],
            *["logout", "create_account"],
        ],
        "production": ["is_no_guess", "limiter"],
    },
    "views.py": {
        "recipes/tenants": ["found_all", "is_id", "TenantView", "TenantLoader"],
        "recipes/soft_delete": ["SoftDeleteView"],
        "recipes/streamed_export": ["FORMULA", "StreamedExport"],
        "recipes/audit_trail": ["AuditView"],
    },
    "app.py": {"production": ["configure", "ERROR", "show_error"]},
}


def parts(source):
    """The source of each name at the top of a module."""
    found = {}
    for node in ast.parse(source).body:
        names = [getattr(node, "name", None)]
        if isinstance(node, ast.Assign):
            names = [ast.unparse(target) for target in node.targets]
        for name in names:
            found[name] = ast.get_source_segment(source, node)
    return found


def differences(files):
    """The names that a file defines otherwise than the program that it repeats."""
    for file, programs in REPEATED.items():
        own = parts(files[file])
        for name, repeated in programs.items():
            source = (SNIPPETS / f"{name}.py").read_text("utf-8")
            # All recipes share one database, so their tables have prefixes.
            theirs = parts(source.replace("tenants_", ""))
            for part in repeated:
                if own[part] != theirs[part]:
                    yield f"{file}: {part}"


@pytest.fixture
def sources():
    return {name: (STARTER / name).read_text("utf-8") for name in REPEATED}


def test_the_code_is_that_of_the_recipes(sources):
    assert list(differences(sources)) == []


def test_a_difference_is_found(sources):
    line = "return super().validate_form(form) and found_all(form)"
    assert sources["views.py"].count(line) == 1
    sources["views.py"] = sources["views.py"].replace(line, "return True")
    assert list(differences(sources)) == ["views.py: TenantView"]


def test_nothing_is_in_it_that_no_recipe_has(sources):
    """But for the example, and what the page says is new."""
    known = {
        "db.py": {"db", "Base"},
        "models.py": {"SoftDeleted", "Customer", "Invoice"},
        "audit.py": {"own_tenant", "Audit"},
        "views.py": {"TenantAuditView", "CustomerView", "CustomerLoader"}
        | {"InvoiceView", "add_views"},
        "app.py": {"create_app"},
    }
    for file, programs in REPEATED.items():
        repeated = {name for names in programs.values() for name in names}
        found = {*parts(sources[file])} - {None}
        assert found == repeated | known.get(file, set())


def test_gunicorn_reads_the_file_of_the_recipe():
    recipe = (SNIPPETS / "recipes/gunicorn_conf.py").read_text("utf-8")
    assert (STARTER / "gunicorn.conf.py").read_text("utf-8") == program(recipe)


# A reader


def test_the_commands_of_the_page(folder):
    """All but the installation, and the server: a test client asks in its place."""
    lines = (SNIPPETS / "starter.sh").read_text("utf-8")
    assert lines.startswith("pip install -r requirements.txt\n")
    assert lines.endswith("flask run\n")
    lines = lines.partition("\n")[2].removesuffix("flask run\n")
    lines = lines.replace("ada North", "ada North --password testing")
    ask = "from app import create_app; client = create_app().test_client(); "
    ask += "print(client.get('/login').status)"
    said = run(folder, "bash", "-euc", f'{lines}python -c "{ask}"')
    assert re.search(r"^=* ?(\d+) passed", said, re.MULTILINE)
    assert said.splitlines()[-1] == "200 OK"


@pytest.mark.parametrize(
    ("file", "line", "replacement", "test"),
    [
        ("views.py", ".filter(owner == current_user.tenant_id)", "", "own_rows"),
        ("views.py", "model.deleted_at = datetime.now(timezone.utc)", "pass", "hides"),
        ("views.py", 'FORMULA.sub("\'", str(value))', "value", "no_formula"),
        ("app.py", 'event.listen(db.sessionmaker, "after_flush"', "(0", "written_down"),
        ("audit.py", ", default=own_tenant", "", "written_down"),
        ("login.py", "@auth.before_app_request", "", "visitor"),
        ("models.py", "String(20)", "String(21)", "migrations"),
    ],
)
def test_its_tests_find_a_fault(file, line, replacement, test, folder):
    source = (folder / file).read_text("utf-8")
    assert line in source
    (folder / file).write_text(source.replace(line, replacement), "utf-8")
    with pytest.raises(AssertionError, match=rf"(FAILED|ERROR) .*{test}"):
        run(folder, "pytest", "-q", "-x", "-p", "no:cacheprovider", "-k", test)


@pytest.mark.skipif(not find_browser(), reason="No browser: install chromium.")
def test_a_browser_logs_in_at_localhost(folder):
    """Chromium sends a cookie that is `Secure` to localhost without TLS."""
    environment = {
        "PATH": PATH,
        "SECRET_KEY": KEY,
        "DATABASE_URL": f"sqlite:///{folder}/starter.db",
        "TRUSTED_HOSTS": "localhost",
    }
    run(folder, "flask", "db", "upgrade", **environment)
    command = ["flask", "create-account", "ada", "North", "--password", "testing"]
    run(folder, *command, **environment)
    with subprocess.Popen(
        [sys.executable, "-m", "flask", "run", "--port", "0"],
        cwd=folder,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            lines = (re.search(r"127.0.0.1:(\d+)", line) for line in process.stderr)
            port = next(filter(None, lines))[1]
            with launch() as browser:
                page = browser.new_page()
                page.set_default_timeout(120_000)
                page.goto(f"http://localhost:{port}/admin/invoice/")
                page.fill("[name=name]", "ada")
                page.fill("[name=password]", "testing")
                page.click("button")
                page.wait_for_url("**/admin/invoice/")
                [cookie] = page.context.cookies()
                assert (cookie["name"], cookie["secure"]) == ("session", True)
        finally:
            process.terminate()


# Production

reason = nginx.missing()
real = pytest.mark.skipif(bool(reason), reason=f"No nginx: {reason}")
INVOICES = "/admin/invoice/"


@pytest.fixture(scope="module")
def server():
    try:
        with postgres.running() as server:
            yield server
    except postgres.NoServer as error:
        pytest.skip(str(error))


@pytest.fixture
def serve(folder, server):
    """The commands of the page, on PostgreSQL, with nginx in front."""

    @contextmanager
    def serve():
        with server.database() as url:
            environment = {
                "PATH": PATH,
                "SECRET_KEY": KEY,
                "DATABASE_URL": url,
                "TRUSTED_HOSTS": nginx.HOST,
            }
            run(folder, "flask", "db", "upgrade", **environment)
            for name, tenant in ("ada", "North"), ("bob", "South"):
                command = ["flask", "create-account", name, tenant]
                run(folder, *command, "--password", "testing", **environment)
            conf = (folder / "admin.conf").read_text("utf-8")
            with (
                gunicorn_server.gunicorn(folder, environment) as gunicorn,
                nginx.serve(folder, conf, gunicorn) as site,
            ):
                site.rows = lambda query: rows(server, url, query)
                yield site
                # What a worker answers before it has given its connection back.
                assert wait_until_none(lambda: server.in_transaction(url))

    return serve


def rows(server, url, query):
    from sqlalchemy import NullPool, create_engine, text

    with create_engine(url, poolclass=NullPool).begin() as connection:
        found = connection.execute(text(query))
        return found.all() if found.returns_rows else []


def wait_until_none(count):
    # Each question goes to the server and back.
    return any(count() == 0 for _ in range(200))


def work(site, number):
    """One of six clients: three of each tenant, each with an address of its own."""
    name = "ada" if number % 2 else "bob"
    client = site.client(f"127.0.0.{number + 10}")
    statuses = [client.log_in(name, "testing")]
    for each in range(3):
        data = {"number": f"{name}-{number}-{each}"}
        statuses.append(client.submit(f"{INVOICES}new/", **data)[0].status)
    return name, statuses, client.get(INVOICES)[1]


@real
def test_clients_of_two_tenants_at_the_same_time(serve):
    with serve() as site:
        with ThreadPoolExecutor(6) as pool:
            done = list(pool.map(lambda number: work(site, number), range(6)))
        for name, statuses, page in done:
            other = "bob" if name == "ada" else "ada"
            assert statuses == [302] * 4
            assert (f"{name}-" in page, f"{other}-" in page) == (True, False)
        made = "SELECT count(*), count(DISTINCT number) FROM invoice"
        assert site.rows(made) == [(18, 18)]
        # As many rows of the trail as rows, each with the account and its tenant.
        written = site.rows(
            "SELECT account.name, count(*) FROM audit "
            "JOIN account ON account.id = CAST(audit.who AS integer) "
            "AND account.tenant_id = audit.tenant_id "
            "JOIN invoice ON invoice.id = CAST(audit.row_id AS integer) "
            "AND invoice.tenant_id = audit.tenant_id "
            "WHERE audit.model = 'Invoice' AND audit.action = 'create' "
            "GROUP BY account.name ORDER BY account.name"
        )
        assert written == [("ada", 9), ("bob", 9)]


def contents(site):
    return site.rows("SELECT * FROM invoice ORDER BY id") + site.rows(
        "SELECT * FROM customer ORDER BY id"
    )


@real
def test_who_gets_nothing(serve):
    with serve() as site:
        ada, bob = site.client(), site.client("127.0.0.2")
        assert ada.log_in("ada", "testing") == bob.log_in("bob", "testing") == 302
        ada.submit("/admin/customer/new/", name="North Traders")
        ada.submit(f"{INVOICES}new/", number="N-1", customer=1)
        before = contents(site)
        assert len(before) == 2

        # Another tenant, by each route that takes an id.
        assert "N-1" not in bob.get(INVOICES)[1]
        assert "N-1" not in bob.get("/admin/audit/")[1]
        for route in "edit", "details":
            answer, _ = bob.get(f"{INVOICES}{route}/?id=1")
            assert answer.headers["Location"] == INVOICES
        form = f"{INVOICES}new/"
        bob.submit(f"{INVOICES}delete/", form, id=1)
        bob.submit(f"{INVOICES}action/", form, action="delete", rowid=1)
        bob.submit(f"{INVOICES}ajax/update/", form, list_form_pk=1, number="S-9")
        bob.submit(f"{INVOICES}edit/?id=1", form, number="S-9")
        assert "Not a valid choice" in bob.submit(form, number="S-1", customer=1)[1]
        assert bob.get(f"{INVOICES}ajax/lookup/?name=customer&query=North")[1] == "[]"
        assert contents(site) == before

        # A visitor, and a form without its token.
        for path in ["/admin/", INVOICES, "/admin/audit/", f"{INVOICES}export/csv/"]:
            answer, _ = site.client().get(path)
            assert answer.status == 302
            assert answer.headers["Location"].startswith("/login?next=")
        data = {"id": 1, "rowid": 1, "action": "delete", "number": "N-2"}
        for route in "new", "delete", "action":
            ada.request("POST", f"{INVOICES}{route}/", data)
        assert contents(site) == before

        # Delete hides the row and keeps it.
        ada.submit(f"{INVOICES}delete/", INVOICES, id=1)
        assert "N-1" not in ada.get(INVOICES)[1]
        assert ada.get(f"{INVOICES}edit/?id=1")[0].status == 302
        [(number, deleted)] = site.rows("SELECT number, deleted_at FROM invoice")
        assert (number, deleted is None) == ("N-1", False)
        last = site.rows("SELECT who, action, changes FROM audit ORDER BY id")[-1]
        assert last[:2] == ("1", "edit")
        assert last[2].startswith('{"deleted_at": [null, "20')

        # An account that is deleted while it is logged in.
        assert bob.get("/admin/")[0].status == 200
        site.rows("DELETE FROM account WHERE name = 'bob'")
        assert bob.get("/admin/")[0].status == 302
        assert ada.get("/admin/")[0].status == 200
