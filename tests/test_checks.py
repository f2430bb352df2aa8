"""Each check that was added for production finds the fault that is planted for it."""

import asyncio
import itertools
import json
import subprocess
import sys
import threading
from contextlib import nullcontext

import pytest
from flask import current_app, g
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import Session, close_all_sessions, scoped_session

from snippets.workarounds.proxy_sqlalchemy import LazySession, ProxySQLAlchemy
from tools.measure.approaches import Approach
from tools.measure.contract import CHECKS, PRODUCTION, judge
from tools.paths import ROOT

HELD = "SHARED_UNDER_OVERLAP"


class SharedUnderOverlap:
    """The session of whoever came first, as long as somebody works with it."""

    def __init__(self, db):
        self.db, self.lock = db, threading.Lock()
        self.users, self.first = 0, None

    def __call__(self):
        if HELD not in g:
            with self.lock:
                if not self.users:
                    self.first = self.db.sessionmaker()
                self.users += 1
                setattr(g, HELD, self.first)
        return getattr(g, HELD)

    def release(self, error):
        session = g.pop(HELD, None)
        if session is not None:
            with self.lock:
                self.users -= 1
                if not self.users:
                    session.close()


def add_shared_under_overlap(admin, views, app):
    shared = SharedUnderOverlap(db)
    app.teardown_appcontext(shared.release)
    for view, model in views:
        admin.add_view(view(model, Stub(shared)))


class Stub(LazySession):
    """The proxy of the guide, over any function that returns a session."""

    def __init__(self, function):
        super(LazySession, self).__init__(function)


db = ProxySQLAlchemy()


def add_views(admin, views):
    for view, model in views:
        admin.add_view(view(model, db.session))


@pytest.mark.parametrize("name", [n for n, c in CHECKS.items() if not c.process])
def test_the_sound_approach_passes(name, new_database):
    assert judge(Approach(db, add_views), name, new_database()) == "ok"


def test_a_session_that_is_shared_only_under_overlap(new_database):
    """No single client sees it: the check for threads does."""
    approach = Approach(db, add_shared_under_overlap)
    for name in ("listing", "create", "session-per-request", "connections-returned"):
        assert judge(approach, name, new_database()) == "ok"
    assert judge(approach, "threads", new_database()) == "two requests share a session"


def add_with_a_loop(admin, views, app):
    """Enter an event loop after each request, as Lite does at its end."""

    @app.after_request
    def audit(response):
        asyncio.run(asyncio.sleep(0))
        return response

    add_views(admin, views)


def test_what_fails_only_on_gevent(tmp_path, new_database):
    assert judge(Approach(db, add_with_a_loop), "threads", new_database()) == "ok"
    said = on_gevent("add_with_a_loop", tmp_path)
    assert said.startswith("1 of 2 requests failed, although its row was saved: ")


def test_the_same_on_gevent(tmp_path):
    said = on_gevent("add_shared_under_overlap", tmp_path)
    assert said == "two requests share a session"


def on_gevent(function, tmp_path):
    wiring = f"tests.test_checks:{function}"
    command = [sys.executable, "-m", "tools.measure.overlap", tmp_path, wiring]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return json.loads(done.stdout)[wiring]["gevent"]


def judged(make_session, check, url, db=db):
    def add(admin, views, app):
        for view, model in views:
            admin.add_view(view(model, make_session(app)))

    return judge(Approach(db, add), check, url)


class Kept(LazySession):
    """Keeps the sessions of all contexts."""

    kept = {}

    def __init__(self, db):
        get = lambda: self.kept.setdefault(g._get_current_object(), db.get_session())  # noqa: E731
        super(LazySession, self).__init__(get)


def test_a_registry_that_keeps_sessions(new_database):
    got = judged(lambda app: Kept(db), "another-teardown-fails", new_database())
    assert got == "connections kept: no session is closed"


class NoAttributes:
    """Passes calls on and keeps what is set."""

    @property
    def session(self):
        return self

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(db.get_session(), name)


def test_a_proxy_that_is_no_session(new_database):
    got = judged(lambda app: NoAttributes(), "self-session", new_database())
    assert got == (
        "with self.session these fail: call, set an attribute, in "
        "(TypeError: 'NoAttributes' object is not callable)"
    )


class Refusing(SQLAlchemy):
    """A ``db.session`` of its own on each use: hooks work apart from the view."""

    @property
    def session(self):
        return self.get_session(f"{next(self.numbers)}")

    numbers = itertools.count()


def test_another_session_in_the_hooks(new_database):
    apart = Refusing()
    got = judged(lambda app: LazySession(apart), "db-session", new_database(), db=apart)
    assert got.startswith("with db.session these fail: commit, no_autoflush, set an")


def test_a_warning_of_a_session(new_database):
    session = scoped_session(db.get_session, scopefunc=lambda: id(g.get))
    got = judged(lambda app: session, "warnings-as-errors", new_database())
    assert got.startswith("DeprecationWarning: Passing a session object directly")


@pytest.mark.parametrize(
    ("check", "lacks"),
    [
        ("made-at-import", lambda app: app is None),
        ("made-before-init-app", lambda app: "sqlalchemy" not in app.extensions),
        ("made-in-a-context", lambda app: bool(current_app)),
        ("made-for-init-app", lambda app: "admin" not in app.extensions),
    ],
)
def test_a_place_where_the_views_cannot_be_made(check, lacks, new_database):
    def add(admin, views, app):
        if lacks(app):
            raise RuntimeError("not here")
        add_views(admin, views)

    wanted = "RuntimeError: not here"
    if check == "made-at-import":
        wanted = "the application is needed to make the views"
    assert judge(Approach(db, add), check, new_database()) == wanted


def test_one_fault_one_cell(new_database):
    """A session without ``no_autoflush`` fails the relation chosen by lookup alone."""

    class Lacking(LazySession):
        def __getattr__(self, name):
            if name == "no_autoflush":
                raise AttributeError(name)
            return super().__getattr__(name)

    surface = [
        name
        for name, check in CHECKS.items()
        if check.group != PRODUCTION
        and judged(lambda app: Lacking(db), name, new_database()) != "ok"
    ]
    assert surface == ["ajax-edit"]


def test_a_masked_cell_reports_the_act(new_database):
    """What fails is the list; the deletion is not blamed for the page of the token."""

    class Unlisted(LazySession):
        pass

    def add(admin, views):
        for view, model in views:
            broken = type("Broken", (view,), {"get_list": lambda *a, **k: 1 / 0})
            admin.add_view(broken(model, Unlisted(db)))

    approach = Approach(db, add)
    assert judge(approach, "listing", new_database()).startswith("ZeroDivisionError")
    assert judge(approach, "inline-edit", new_database()) == "ok"


class ClosesAll(ProxySQLAlchemy):
    """Closes the sessions of the other requests too."""

    def init_app(self, app):
        super().init_app(app)
        app.teardown_appcontext(lambda error: close_all_sessions())


class ClosesAfterRequest(ProxySQLAlchemy):
    """Closes the session where a request was answered, and nowhere else."""

    def init_app(self, app):
        super().init_app(app)
        app.teardown_appcontext_funcs.clear()

        @app.after_request
        def close(response):
            self.session.close()
            return response


class NoTransaction(ProxySQLAlchemy):
    """Commits each statement by itself."""

    def __init__(self):
        super().__init__(engine_options={"isolation_level": "AUTOCOMMIT"})


class FlatSession(Session):
    """Keeps what a nested block wanted to undo."""

    def begin_nested(self):
        return nullcontext()


class FlatBlocks(ProxySQLAlchemy):
    def __init__(self):
        super().__init__(session_options={"class_": FlatSession})


@pytest.mark.parametrize(
    ("fault", "check", "message"),
    [
        (ClosesAll, "held-save", "answered 302, and no row was saved"),
        (
            ClosesAfterRequest,
            "failing-view",
            "1 connection kept after a context without a request",
        ),
        (NoTransaction, "integrity-error", "the first statement was kept"),
        (NoTransaction, "held-save", "another request sees an open transaction"),
        (FlatBlocks, "db-session", "with db.session a hook loses rows"),
    ],
)
def test_a_planted_fault(fault, check, message, new_database):
    faulty = fault()

    def add(admin, views):
        for view, model in views:
            admin.add_view(view(model, faulty.session))

    assert judge(Approach(faulty, add), check, new_database()).startswith(message)
