"""A change committed elsewhere shows in the next request."""

from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

import pytest
from packaging.version import Version
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session

from snippets.recipes import stale_data
from snippets.recipes.stale_data import Post
from snippets.recipes.stale_data_kept import kept
from tools.measure.removal import without

PATH = "/admin/post/"


def with_session(make):
    """The program, whose view is given another session."""
    module = without(stale_data, "PostView(Post, db.session)", "view(Post)")
    module.view = lambda model: module.PostView(model, make(module.db))
    return module


def rename(surface):
    with surface.elsewhere() as session:
        session.get(Post, 1).title = "Final"
        session.commit()


def test_a_changed_row(surface):
    with surface.without_collection():
        assert "Draft" in surface.get(f"{PATH}edit/", id=1)
        rename(surface)
        assert "Final" in surface.get(f"{PATH}edit/", id=1), "stale"
        assert "Final" in surface.get(f"{PATH}details/", id=1), "stale"
        assert "Final" in " ".join(surface.rows(PATH)), "stale"
        assert "Final" in surface.get(f"{PATH}export/csv/"), "stale"


@pytest.mark.skipif(
    "config.getoption('server')", reason="a transaction as SQLite begins it"
)
def test_a_new_row_where_a_transaction_reads_a_snapshot(surface):
    with surface.app.app_context():
        engine = surface.app.extensions["sqlalchemy"].engine
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

    assert len(surface.rows(PATH)) == 1
    with surface.elsewhere() as session:
        session.add(Post(title="Another"))
        session.commit()
    assert len(surface.rows(PATH)) == 2, "stale"


def test_no_connection_is_kept(surface):
    surface.get(f"{PATH}edit/", id=1)
    assert surface.pool.checkedout() == 0, "kept"


def test_a_context_that_was_pushed_and_left(surface):
    with surface.app.app_context(), pytest.raises(AssertionError, match="stale"):
        test_a_changed_row(surface)


def test_with_a_kept_session_the_value_depends_on_the_thread(drive):
    surface = drive(with_session(kept).create_app)
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:

        def page(thread):
            return thread.submit(surface.get, f"{PATH}edit/", id=1).result()

        with surface.without_collection():
            assert "Draft" in page(one)
            rename(surface)
            assert "Final" in page(other)
            assert "Draft" in page(one)


def test_a_bare_session(drive):
    def create_app(config):
        engine = create_engine(config["SQLALCHEMY_ENGINES"]["default"])
        return with_session(lambda db: Session(engine)).create_app(config)

    if Version(version("flask-admin")) >= Version("2.1"):
        with pytest.raises(TypeError, match="session object directly is not supp"):
            drive(create_app)
    else:
        with pytest.raises(AssertionError, match="stale"):
            test_a_changed_row(drive(create_app))


def test_only_the_list_is_fresh_with_get_query_alone(drive):
    module = with_session(kept)
    module.PostView.get_query = lambda view: module.db.session.query(module.Post)
    surface = drive(module.create_app)
    with surface.without_collection():
        surface.get(f"{PATH}edit/", id=1)
        rename(surface)
        assert "Final" in " ".join(surface.rows(PATH))
        assert "Draft" in surface.get(f"{PATH}edit/", id=1)
        assert "Draft" in surface.get(f"{PATH}details/", id=1)


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
def test_removal(test, drive):
    with pytest.raises(AssertionError, match=r"stale|kept"):
        test(drive(with_session(kept).create_app))


@pytest.mark.parametrize(
    ("line", "count"), [("", 1), ("    form_base_class = SecureForm\n", 2)]
)
def test_removal_of_the_token(line, count, drive):
    module = without(stale_data, line) if line else stale_data
    surface = drive(module.create_app)
    surface.send("POST", f"{PATH}new/", data={"title": "Forged"})
    assert len(surface.rows(PATH)) == count
