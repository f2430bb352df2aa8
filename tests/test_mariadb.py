"""What the recipes say of MySQL and MariaDB, on a MariaDB server of its own."""

import gc
import importlib
from contextlib import ExitStack

import pytest
from sqlalchemy import Column, MetaData, String, Table, select, text
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import CompileError
from sqlalchemy.schema import CreateTable

from snippets.recipes import connection_pool, integrity_errors, stale_data
from snippets.recipes.stale_data_kept import kept
from tools.measure.reliability import mariadb
from tools.measure.removal import without
from tools.measure.surface import Failure, Surface, alerts

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


def connections(server):
    """The connections of the applications."""
    return server.run(
        "SELECT id FROM information_schema.processlist WHERE db LIKE 'guide%'"
    )


def wait_until_none_is_left(server):
    for _ in range(200):
        if not connections(server):
            return
        # Until the server has looked at its connections again.
        server.run("DO SLEEP(0.05)")
    raise AssertionError("the server keeps its connections")


def hang_up(server, surface):
    server.disconnect(surface.url)
    wait_until_none_is_left(server)


@pytest.fixture(scope="module")
def server():
    """Never that of MARIADB_URL: its settings are changed here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MARIADB_URL", raising=False)
        try:
            with mariadb.running() as server:
                yield server
        except mariadb.NoServer as error:
            pytest.skip(str(error))


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
        hang_up(server, surface)
    page = surface.submit(f"{PATH}edit/", {"title": "Changed"}, id=1)
    assert "successfully" in alerts(page)


def test_without_the_ping_one_request_fails(server, drive):
    module = without(connection_pool, '"pool_pre_ping": True,')
    surface = drive(module.create_app)
    surface.get(PATH)
    hang_up(server, surface)
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
    wait_until_none_is_left(server)
    assert len(surface.rows(PATH)) == 2


@pytest.mark.usefixtures("impatient")
def test_an_idle_connection_without_the_ping(server, drive):
    module = without(connection_pool, '"pool_pre_ping": True,')
    surface = drive(module.create_app)
    surface.get(PATH)
    wait_until_none_is_left(server)
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
