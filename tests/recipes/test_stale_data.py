"""A change committed elsewhere shows in the next request."""

from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import pytest
from packaging.version import Version
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session

from snippets.models import User
from snippets.recipes import stale_data
from snippets.recipes.stale_data import create_app, kept
from tools.measure.removal import without


def create_kept_app(config):
    return create_app(config, kept)


def rename(surface):
    with surface.elsewhere() as session:
        session.get(User, 1).name = "Augusta"
        session.commit()


def test_a_changed_row(surface):
    with surface.without_collection():
        assert "Ada" in surface.get("/admin/user/edit/", id=1)
        rename(surface)
        assert "Augusta" in surface.get("/admin/user/edit/", id=1), "stale"
        assert "Augusta" in surface.get("/admin/user/details/", id=1), "stale"
        assert "Augusta" in " ".join(surface.rows("/admin/user/")), "stale"
        assert "Augusta" in surface.get("/admin/user/export/csv/"), "stale"


@pytest.mark.skipif(
    "config.getoption('server')", reason="a transaction as SQLite begins it"
)
def test_a_new_row_where_a_transaction_reads_a_snapshot(surface):
    with surface.app.app_context():
        engine = stale_data.db.engine
    with surface.elsewhere() as session:
        session.execute(text("PRAGMA journal_mode = WAL"))
    # Let SQLite begin at the first SELECT, as MySQL does.
    engine.dispose()

    @event.listens_for(engine, "connect")
    def leave_begin_to_sqlalchemy(connection, record):
        connection.isolation_level = None

    @event.listens_for(engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN")

    assert len(surface.rows("/admin/user/")) == 2
    with surface.elsewhere() as session:
        session.add(User(name="Alan", email="alan@example.com"))
        session.commit()
    assert len(surface.rows("/admin/user/")) == 3, "stale"


def test_no_connection_is_kept(surface):
    surface.get("/admin/user/edit/", id=1)
    assert surface.pool.checkedout() == 0, "kept"


def test_a_context_that_was_pushed_and_left(surface):
    with surface.app.app_context(), pytest.raises(AssertionError, match="stale"):
        test_a_changed_row(surface)


def test_with_a_kept_session_the_value_depends_on_the_thread(drive):
    surface = drive(create_kept_app)
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:

        def page(thread):
            return thread.submit(surface.get, "/admin/user/edit/", id=1).result()

        with surface.without_collection():
            assert "Ada" in page(one)
            rename(surface)
            assert "Augusta" in page(other)
            assert "Ada" in page(one)


def test_a_bare_session(drive):
    def create_app(config):
        engine = create_engine(config["SQLALCHEMY_ENGINES"]["default"])
        return stale_data.create_app(config, lambda db: Session(engine))

    if Version(version("flask-admin")) >= Version("2.1"):
        with pytest.raises(TypeError, match="session object directly is not supp"):
            drive(create_app)
    else:
        with pytest.raises(AssertionError, match="stale"):
            test_a_changed_row(drive(create_app))


def test_only_the_list_is_fresh_with_get_query_alone(drive, monkeypatch):
    def get_query(view):
        return stale_data.db.session.query(User)

    monkeypatch.setattr(stale_data.UserView, "get_query", get_query)
    surface = drive(create_kept_app)
    with surface.without_collection():
        surface.get("/admin/user/edit/", id=1)
        rename(surface)
        assert "Augusta" in " ".join(surface.rows("/admin/user/"))
        assert "Ada" in surface.get("/admin/user/edit/", id=1)
        assert "Ada" in surface.get("/admin/user/details/", id=1)


@pytest.mark.parametrize(
    "test",
    [
        test_a_changed_row,
        pytest.param(
            test_a_new_row_where_a_transaction_reads_a_snapshot,
            marks=test_a_new_row_where_a_transaction_reads_a_snapshot.pytestmark,
        ),
        test_no_connection_is_kept,
    ],
)
def test_removal(test, drive, monkeypatch):
    module = without(stale_data, "session=LazySession", "session=kept")
    monkeypatch.setattr(stale_data, "db", module.db)
    with pytest.raises(AssertionError, match=r"stale|kept"):
        test(drive(module.create_app))
