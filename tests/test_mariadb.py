"""What the recipes say of MySQL and MariaDB, on a MariaDB server of its own."""

import gc
import importlib
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from itertools import count

import pytest
from sqlalchemy import Column, MetaData, String, Table, create_engine, select, text
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import CompileError, OperationalError
from sqlalchemy.schema import CreateTable

from snippets.recipes import connection_pool, integrity_errors, stale_data
from snippets.recipes.stale_data_kept import kept
from tools.measure.removal import without
from tools.measure.surface import Failure, Surface, alerts

PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
RECIPES = [
    "audit_trail",
    "connection_pool",
    "finding_leaks",
    "integrity_errors",
    "one_session",
    "optimistic_locking",
    "replica",
    "request_transaction",
    "stale_data",
]


class Server:
    """A MariaDB server in a folder of its own, reached only through its socket."""

    def __init__(self, folder):
        self.folder, self.numbers, self.owner = folder, count(), {}
        if os.geteuid() == 0:
            # MariaDB refuses to be run by root.
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            self.owner = {
                "user": nobody.pw_uid,
                "group": nobody.pw_gid,
                "extra_groups": [],
            }
        self.call(
            "mariadb-install-db", "--auth-root-authentication-method=normal"
        ).communicate()
        self.process = self.call(
            "mariadbd",
            "--skip-networking",
            "--lock-wait-timeout=10",
            f"--socket={folder}/socket",
        )
        for line in self.process.stdout:
            if "ready for connections" in line:
                break
        else:
            raise RuntimeError("mariadbd ended before it took connections")
        url = f"mysql+pymysql://root@/?unix_socket={folder}/socket"
        self.engine = create_engine(url, isolation_level="AUTOCOMMIT")

    def call(self, program, *arguments):
        arguments = ["--no-defaults", f"--datadir={self.folder}/data", *arguments]
        return subprocess.Popen(
            [shutil.which(program, path=PLACES), *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **self.owner,
        )

    def run(self, statement):
        with self.engine.connect() as connection:
            result = connection.execute(text(statement))
            return result.all() if result.returns_rows else []

    @contextmanager
    def database(self):
        name = f"guide_{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        yield self.engine.url.set(database=name).render_as_string(False)
        # A leak holds locks on its tables.
        self.hang_up()
        self.run(f"DROP DATABASE {name}")

    def connections(self):
        """The connections of the applications."""
        return self.run(
            "SELECT id FROM information_schema.processlist "
            "WHERE id <> connection_id() AND db IS NOT NULL"
        )

    def wait_until_none_is_left(self):
        for _ in range(200):
            if not self.connections():
                return
            # Until the server has looked at its connections again.
            self.run("DO SLEEP(0.05)")
        raise AssertionError("the server keeps its connections")

    def hang_up(self):
        for (id,) in self.connections():
            with suppress(OperationalError):
                self.run(f"KILL {id}")
        self.wait_until_none_is_left()

    def stop(self):
        self.engine.dispose()
        self.process.terminate()
        self.process.communicate()


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("pymysql", reason="PyMySQL is not installed.")
    for program in "mariadbd", "mariadb-install-db":
        if not shutil.which(program, path=PLACES):
            pytest.skip(f"No MariaDB: {program} is not installed.")
    with tempfile.TemporaryDirectory(prefix="mariadb-") as folder:
        server = Server(folder)
        yield server
        server.stop()


@pytest.fixture
def drive(server):
    with ExitStack() as opened:

        def make(create_app):
            url = opened.enter_context(server.database())
            # A leak that is collected later disturbs another test.
            opened.callback(gc.collect)
            surface = Surface(create_app, url)
            opened.callback(surface.pool.dispose)
            opened.callback(surface.close)
            return surface

        yield make


@pytest.mark.parametrize("name", RECIPES)
def test_the_recipes_start(name, drive):
    app = drive(importlib.import_module(f"snippets.recipes.{name}").create_app).app
    for view in app.extensions["admin"][0]._views:
        assert app.test_client().get(f"{view.url}/").status_code == 200


PATH = "/admin/post/"
GONE = r"OperationalError.+\(2006, [\"']MySQL server has gone away"


def test_a_server_that_hung_up(server, drive):
    surface = drive(connection_pool.create_app)
    for _ in range(2):
        assert len(surface.rows(PATH)) == 2
        server.hang_up()
    page = surface.submit(f"{PATH}edit/", {"title": "Changed"}, id=1)
    assert "successfully" in alerts(page)


def test_without_the_ping_one_request_fails(server, drive):
    module = without(connection_pool, '"pool_pre_ping": True,')
    surface = drive(module.create_app)
    surface.get(PATH)
    server.hang_up()
    with pytest.raises(Failure, match=GONE):
        surface.get(PATH)
    assert len(surface.rows(PATH)) == 2


@pytest.fixture
def impatient(server):
    """The server closes what is idle for a second."""
    server.run("SET GLOBAL wait_timeout = 1")
    yield
    server.run("SET GLOBAL wait_timeout = DEFAULT")


@pytest.mark.usefixtures("impatient")
def test_an_idle_connection(server, drive):
    surface = drive(connection_pool.create_app)
    surface.get(PATH)
    server.wait_until_none_is_left()
    assert len(surface.rows(PATH)) == 2


@pytest.mark.usefixtures("impatient")
def test_an_idle_connection_without_the_ping(server, drive):
    module = without(connection_pool, '"pool_pre_ping": True,')
    surface = drive(module.create_app)
    surface.get(PATH)
    server.wait_until_none_is_left()
    with pytest.raises(Failure, match=GONE):
        surface.get(PATH)


def test_the_server_waits_longer_than_the_pool(server):
    [(seconds,)] = server.run("SELECT @@global.wait_timeout")
    assert seconds == 28800
    assert connection_pool.POOL["pool_recycle"] < seconds


def test_the_server_ignores_case(server):
    """Which is why ``ada`` is a duplicate of ``Ada`` there."""
    [(collation,)] = server.run("SELECT @@collation_database")
    assert collation.endswith("_ci")


def add_elsewhere(surface):
    with surface.elsewhere() as session:
        session.add(stale_data.Post(title="Another"))
        session.commit()


def test_a_new_row_shows_in_the_next_request(drive):
    surface = drive(stale_data.create_app)
    assert len(surface.rows(PATH)) == 1
    add_elsewhere(surface)
    assert len(surface.rows(PATH)) == 2


def test_a_kept_session_reads_its_first_snapshot(drive):
    module = without(stale_data, "PostView(Post, db.session)", "view(Post)")
    module.view = lambda model: module.PostView(model, kept(module.db))
    surface = drive(module.create_app)
    assert len(surface.rows(PATH)) == 1
    add_elsewhere(surface)
    assert len(surface.rows(PATH)) == 1


@pytest.mark.parametrize(
    ("level", "seen"), [("REPEATABLE READ", 1), ("READ COMMITTED", 2)]
)
def test_the_second_query_of_a_request(drive, level, seen):
    """expire_all() makes the session ask again; the answer is up to the transaction."""
    surface = drive(stale_data.create_app)
    db, query = stale_data.db, text("SELECT count(*) FROM stale_data_post")
    with surface.app.app_context():
        db.session.connection(execution_options={"isolation_level": level})
        assert db.session.scalar(query) == 1
        add_elsewhere(surface)
        db.session.expire_all()
        assert db.session.scalar(query) == seen
        assert len(db.session.scalars(select(stale_data.Post)).all()) == seen
        # A locking read sees what is committed.
        locked = select(stale_data.Post).with_for_update()
        assert len(db.session.scalars(locked).all()) == 2


def test_a_string_without_a_length():
    table = Table("user", MetaData(), Column("name", String))
    with pytest.raises(CompileError, match="VARCHAR requires a length on dialect my"):
        CreateTable(table).compile(dialect=mysql.dialect())


def test_a_text_that_is_too_long(drive):
    """The form checks the length of the column; a hook has to do so itself."""
    surface = drive(stale_data.create_app)
    page = surface.submit(f"{PATH}new/", {"title": "x" * 101})
    assert "Field cannot be longer than 100 characters." in page
    view = surface.app.extensions["admin"][0]._views[-1]
    view.on_model_change = lambda form, model, is_created: setattr(
        model, "title", "x" * 101
    )
    said = alerts(surface.submit(f"{PATH}new/", {"title": "x"}))
    assert "Data too long for column 'title'" in said
    assert len(surface.rows(PATH)) == 1


def test_a_duplicate(drive, caplog):
    """Upper and lower case are the same, and the message repeats the value."""
    surface = drive(integrity_errors.create_app)
    new = {"slug": "9", "title": "NOTES", "author": "1"}
    said = alerts(surface.submit(f"{PATH}new/", new))
    assert said == "Not done: another row has these values."
    assert "NOTES" not in caplog.text
    said = alerts(surface.delete("/admin/user/", 1))
    assert said.startswith("Not done: other rows refer to this one")


def test_removal_of_the_duplicate(drive):
    module = without(integrity_errors, '"duplicate entry": duplicate,')
    surface = drive(module.create_app)
    new = {"slug": "9", "title": "NOTES", "author": "1"}
    said = alerts(surface.submit(f"{PATH}new/", new))
    assert said == "Not done: the database rejected this."
