"""Each statement runs on the engine that it should; nobody misses their own write."""

import re
import sqlite3
from contextlib import closing, contextmanager
from unittest.mock import Mock

import pytest
from flask import session
from sqlalchemy import event

from snippets.recipes import replica
from tools.measure.removal import without
from tools.measure.surface import Failure


class Replicated:
    """An application whose replica is a file that follows when it is told to."""

    def __init__(self, drive, folder, module=replica, **config):
        # Read-only: a write that went to the replica would raise.
        self.copy = folder / "replica.db"
        url = f"sqlite:///file:{self.copy}?mode=ro&uri=true"

        def create_app(given):
            engines = given["SQLALCHEMY_ENGINES"] | {"replica": url}
            return module.create_app(given | config | {"SQLALCHEMY_ENGINES": engines})

        self.surface = drive(create_app)
        if not self.surface.url.startswith("sqlite"):
            pytest.skip("the replica is a copy of a SQLite file")
        self.replicate()

    def replicate(self):
        primary = self.surface.url.removeprefix("sqlite:///")
        with (
            closing(sqlite3.connect(primary)) as source,
            closing(sqlite3.connect(self.copy)) as target,
        ):
            source.backup(target)

    @contextmanager
    def engines(self):
        """The names of the engines that statements run on, in the ``with`` block."""
        app, used, listeners = self.surface.app, set(), []
        with app.app_context():
            engines = app.extensions["sqlalchemy"].engines
        for name, engine in engines.items():
            listeners.append((engine, lambda *a, name=name, **k: used.add(name)))
            event.listen(engine, "before_cursor_execute", listeners[-1][1])
        yield used
        for engine, listener in listeners:
            event.remove(engine, "before_cursor_execute", listener)


@pytest.fixture
def make(drive, tmp_path):
    return lambda *args, **config: Replicated(drive, tmp_path, *args, **config)


@pytest.mark.parametrize(
    ("path", "engine"),
    [
        ("/admin/post/", "replica"),
        ("/admin/post/?search=compiler&sort=0", "replica"),
        ("/admin/post/export/csv/", "replica"),
        ("/admin/post/details/?id=1", "default"),
        ("/admin/post/edit/?id=1", "default"),
        ("/admin/post/ajax/lookup/?name=author&query=a", "default"),
    ],
)
def test_reads(make, path, engine):
    replicated = make()
    with replicated.engines() as used:
        replicated.surface.send("GET", path)
    assert used == {engine}


def create(surface):
    surface.submit("/admin/tag/new/", {"name": "created"})


def edit(surface):
    surface.submit("/admin/tag/edit/", {"name": "edited"}, id=1)


def delete(surface):
    surface.delete("/admin/tag/", 1)


def bulk_delete(surface):
    surface.action("/admin/tag/", "delete", [1])


WRITES = [create, edit, delete, bulk_delete]


def names(surface, client=None):
    surface.client = client or surface.client
    return surface.rows("/admin/tag/")


@pytest.mark.parametrize("write", WRITES)
def test_the_writer_sees_the_write_at_once_and_others_later(make, write):
    replicated = make()
    surface, other = replicated.surface, replicated.surface.app.test_client()
    before = names(surface)
    write(surface)
    after = names(surface)
    assert after != before
    assert names(surface, other) == before
    replicated.replicate()
    assert names(surface) == after


@pytest.mark.parametrize("write", WRITES)
def test_after_the_lag_the_writer_reads_the_replica_again(make, write):
    replicated = make(REPLICA_LAG=0)
    before = names(replicated.surface)
    write(replicated.surface)
    assert names(replicated.surface) == before
    replicated.replicate()
    assert names(replicated.surface) != before


def late_answer(make, module=replica):
    """A page of another tab is asked for before a save, and answered after it."""
    surface = make(module).surface
    browser, tab = surface.client, surface.app.test_client()
    data = surface.signed("/admin/tag/", id=99)
    tab.set_cookie("session", browser.get_cookie("session").value)
    before = names(surface)
    create(surface)
    # It says that there is no such record, and so changes the browser session.
    tab.post("/admin/tag/delete/", data=data)
    for name in "session", "read_primary":
        if cookie := tab.get_cookie(name):
            browser.set_cookie(name, cookie.value)
    assert names(surface) != before, "the writer's own write is lost from view"


def test_a_late_answer_to_another_tab(make):
    late_answer(make)


def test_removal_of_a_cookie_of_its_own(make):
    """As it was: kept in the browser session, which is written as a whole."""
    line = "after_this_request(read_primary)"
    module = without(replica, line, 'browser_session["read_primary"] = 1')
    module.browser_session = session
    module.request = Mock(cookies=session)
    test_the_writer_sees_the_write_at_once_and_others_later(
        lambda: make(module), create
    )
    with pytest.raises(AssertionError, match="lost from view"):
        late_answer(make, module)


def test_the_cookie(make):
    surface = make().surface
    create(surface)
    cookie = surface.client.get_cookie("read_primary")
    assert (cookie.max_age, cookie.http_only, cookie.same_site) == (10, True, "Lax")
    assert not cookie.secure
    data = surface.signed("/admin/tag/", name="edited")
    other = surface.app.test_client()
    other.set_cookie("session", surface.client.get_cookie("session").value)
    url = {"path": "/admin/tag/edit/?id=1", "base_url": "https://localhost"}
    other.post(**url, data=data)
    assert other.get_cookie("read_primary").secure


def test_inline_edit(make):
    surface = make().surface
    surface.update("/admin/post/", 1, title="Edited in the list")
    assert "Edited in the list" in surface.get("/admin/post/")


def test_without_a_replica_one_database_plays_both_parts(drive):
    surface = drive(replica.create_app)
    create(surface)
    tags = names(surface, surface.app.test_client())
    assert any("created" in tag for tag in tags)


def test_removal_of_the_other_part(drive):
    module = without(replica, '{"replica": replica} | engines', "engines")
    with pytest.raises(Failure, match=re.escape('["replica"]')):
        test_without_a_replica_one_database_plays_both_parts(
            lambda _: drive(module.create_app)
        )


def reads_of_the_list(make):
    test_reads(make, "/admin/post/", "replica")


def writes(make):
    test_the_writer_sees_the_write_at_once_and_others_later(make, edit)


def bulk(make):
    test_the_writer_sees_the_write_at_once_and_others_later(make, bulk_delete)


def lag(make):
    test_after_the_lag_the_writer_reads_the_replica_again(make, edit)


OUTSIDE = "can only be used when a request context is active"
GET_LIST = """def get_list(self, *args, **kwargs):
        # Not in get_query: bulk actions load with it what they change.
        g.read_replica = "read_primary" not in request.cookies
        return super().get_list(*args, **kwargs)"""


@pytest.mark.parametrize(
    ("line", "replacement", "test", "error"),
    [
        (
            'session_options={"class_": RoutingSession}',
            "",
            reads_of_the_list,
            "default",
        ),
        ('return db.get_engine("replica")', "pass", reads_of_the_list, "default"),
        ('@event.listens_for(RoutingSession, "after_commit")', "", writes, "!="),
        ("if has_request_context():", "if True:", reads_of_the_list, OUTSIDE),
        ('"read_primary" not in request.cookies', "True", writes, "!="),
        ('current_app.config["REPLICA_LAG"]', "10", lag, "edited"),
        (GET_LIST, GET_LIST.replace("get_list", "get_query"), bulk, "!="),
    ],
)
def test_removal(line, replacement, test, error, make):
    module = without(replica, line, replacement)
    with pytest.raises((AssertionError, Failure, RuntimeError), match=error):
        test(lambda **config: make(module, **config))
