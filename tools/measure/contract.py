"""What an approach has to do: one function per check, in the order of the tables.

An approach is a module with ``db`` and ``add_views(admin, views)``, or
``add_views(admin, views, app)`` where it needs the application. The contract makes
the application around it and brings models and views of its own. A check gets a
``Surface`` and raises ``Failure`` in the words that the compatibility page prints.
"""

import gc
import importlib
import inspect
import shutil
import threading
import warnings
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from pathlib import Path
from tempfile import mkdtemp

from flask import Flask, current_app
from flask_admin import Admin
from flask_admin.form import SecureForm
from sqlalchemy import NullPool, create_engine, make_url, select
from sqlalchemy.orm import Session

from tools.measure.models import Base, Post, Tag, User, seed
from tools.measure.surface import (
    Failure,
    Surface,
    Turn,
    alerts,
    configuration,
    describe,
    lookup,
    require,
)

OK, NOT_REACHED = "ok", "not reached"
SURFACE, PRODUCTION = "surface", "production"
# What Flask-Admin says to WTForms and to SQLAlchemy, however a view got its session.
UPSTREAM_WARNINGS = [
    r"The Query\.get\(\) method is considered legacy",
    "Yielding raw tuples from iter_choices",
    "Flags should be stored in dicts and not in tuples",
]


@dataclass
class Check:
    """A question to an approach.

    :param ask: takes a ``Surface`` and raises ``Failure``.
    :param group: ``surface`` for what a person does in the admin, ``production`` for
        what applications and servers do around it.
    :param views: the name of pairs of a view class and a model in tools/measure/views.
    :param place: where the views are made.
    :param process: ``gevent`` for a process of its own that gevent has patched.
    """

    ask: object
    group: str
    views: str
    place: object
    process: str | None = None

    @property
    def text(self):
        return inspect.getdoc(self.ask)


CHECKS = {}
SAME_POST = {"id": "", "title": "Twice"}


def check(group=SURFACE, views="BASIC", place=None, process=None):
    def declare(function):
        name = function.__name__.replace("_", "-")
        CHECKS[name] = Check(function, group, views, place or after_init_app, process)
        return function

    return declare


# Where the views are made. Each place gets the application, a function that has the
# extension meet it, and one that adds the views to an Admin.


def at_import(app, init_app, add_views):
    admin = Admin()
    add_views(admin, app=None)
    init_app()
    admin.init_app(app)


def before_init_app(app, init_app, add_views):
    add_views(Admin(app), app=app)
    init_app()


def after_init_app(app, init_app, add_views):
    init_app()
    add_views(Admin(app), app=app)


def in_a_context(app, init_app, add_views):
    init_app()
    with app.app_context():
        add_views(Admin(app), app=app)


def for_init_app(app, init_app, add_views):
    init_app()
    admin = Admin()
    add_views(admin, app=app)
    admin.init_app(app)


def factory(approach, views="LOOKUP", place=after_init_app):
    """A factory of an application whose admin is wired by an approach.

    :param approach: its module, or any object with its names.
    :param views: the name of what tools/measure/views holds.
    """
    takes_app = "app" in inspect.signature(approach.add_views).parameters

    def add_views(admin, app):
        pairs = getattr(importlib.import_module("tools.measure.views"), views)
        if not takes_app:
            return approach.add_views(admin, pairs)
        if app is None:
            raise Failure("the application is needed to make the views")
        return approach.add_views(admin, pairs, app=app)

    def create_app(config):
        app = Flask("contract")
        app.config.from_mapping(config, FAILED={}, HOLD=str, MEET=str)
        app.add_url_rule("/token", view_func=token)
        fill(app.config["SQLALCHEMY_DATABASE_URI"])
        place(app, partial(approach.db.init_app, app), add_views)
        return app

    return create_app


@lru_cache
def template():
    """A SQLite file with the rows: copying it is faster than filling a new one."""
    path = Path(mkdtemp(prefix="contract-"), "seeded.db")
    create_rows(f"sqlite:///{path}")
    return path


def create_rows(url):
    engine = create_engine(url, poolclass=NullPool)
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        if session.scalar(select(User.id).limit(1)) is None:
            seed(session)


def fill(url):
    place = make_url(url)
    if place.drivername != "sqlite":
        create_rows(url)
    elif not Path(place.database).exists():
        shutil.copy(template(), place.database)


def judge(approach, name, url):
    """Return ``ok``, ``not reached`` or what went wrong."""
    asked = CHECKS[name]
    elsewhere = asked.place is not after_init_app
    # One fault, one cell: what cannot be made fails at its construction alone.
    if elsewhere and judge(approach, "construct", url) != OK:
        return NOT_REACHED
    try:
        surface = Surface(factory(approach, asked.views, asked.place), url)
    except Exception as error:
        if not elsewhere and name != "construct":
            return NOT_REACHED
        return told(error)
    surface.approach = approach
    try:
        asked.ask(surface)
    except Exception as error:
        return told(error)
    finally:
        surface.close()
    return OK


def told(error):
    return str(error) if isinstance(error, Failure) else describe(error)


def token():
    """A token for any form of the browser session, from a page without a query."""
    return SecureForm().csrf_token.current_token


def post(surface, path, client=None, **data):
    """Post a form with a token that no page had to be opened for."""
    data["csrf_token"] = surface.send("GET", "/token", client=client)
    return surface.send("POST", path, client=client, data=data)


def one(session, model, **values):
    return session.scalars(select(model).filter_by(**values)).one_or_none()


@check()
def construct(surface):
    """The application and its views are made."""


@check(views="USERS")
def listing(surface):
    """The list page shows every row."""
    require(len(surface.rows("/admin/user/")) == 2, "the list misses rows")


@check(views="USERS")
def search(surface):
    """A search finds the row and no other."""
    rows = surface.rows("/admin/user/", search="grace")
    require(len(rows) == 1 and "Grace" in rows[0], "the search finds other rows")


@check(views="POSTS")
def filtering(surface):
    """A filter over a relation narrows the list."""
    argument = surface.filter("/admin/post/", "author / User / Name", "contains")
    rows = surface.rows("/admin/post/", **{argument: "Ada"})
    require(len(rows) == 1 and "Ada" in rows[0], f"the filter left {len(rows)} rows")


@check(views="POSTS")
def sort(surface):
    """Clicking a column header sorts the list, both ways."""
    up = surface.rows("/admin/post/", sort=0)
    down = surface.rows("/admin/post/", sort=0, desc=1)
    require("A compiler" in up[0] and up == down[::-1], "the order is wrong")


@check(views="POSTS")
def details(surface):
    """The details page shows the row and its relations."""
    require("Ada" in surface.get("/admin/post/details/", id=1), "the author is missing")


@check(views="POSTS")
def export(surface):
    """The CSV export contains a header and every row."""
    text = surface.get("/admin/post/export/csv/")
    require(len(text.strip().splitlines()) == 4, "the export misses rows")


@check(views="USERS")
def create(surface):
    """A form creates a row."""
    page = surface.submit(
        "/admin/user/new/", {"name": "Alan", "email": "alan@example.com"}
    )
    with surface.elsewhere() as session:
        require(one(session, User, name="Alan"), f"no row was made: {alerts(page)}")


@check(views="USERS")
def unique(surface):
    """A duplicate value is rejected with a message at the field."""
    page = surface.submit(
        "/admin/user/new/", {"name": "Eve", "email": "ada@example.com"}
    )
    require("Already exists." in page, f"no message: {alerts(page)}")
    page = surface.submit("/admin/user/edit/", {"name": "Ada L."}, id=1)
    with surface.elsewhere() as session:
        require(one(session, User, name="Ada L."), f"own value refused: {alerts(page)}")


@check(views="POSTS")
def edit(surface):
    """An edit changes a value, a date and a many-to-many relation."""
    changes = {"title": "New", "published": "2026-01-02", "tags": ["1", "2"]}
    page = surface.submit("/admin/post/edit/", changes, id=2)
    with surface.elsewhere() as session:
        post = session.get(Post, 2)
        require(
            post.title == "New"
            and post.published == date(2026, 1, 2)
            and {tag.name for tag in post.tags} == {"history", "hardware"},
            f"the row is unchanged: {alerts(page)}",
        )


@check(views="LOOKUP")
def ajax_lookup(surface):
    """The select box of a relation finds rows while you type."""
    found = lookup(surface, name="author", query="ada")
    require(found == [[1, "Ada"]], f"found {found}")


@check(views="LOOKUP")
def ajax_edit(surface):
    """A relation chosen by lookup is saved."""
    page = surface.submit("/admin/post/edit/", {"author": "2"}, id=1)
    with surface.elsewhere() as session:
        require(
            session.get(Post, 1).author_id == 2, f"the row is unchanged: {alerts(page)}"
        )


@check(views="USERS")
def inline_models(surface):
    """Rows of a related model are changed, added and deleted in the parent's form."""
    changes = {"posts-0-title": "Changed", "posts-2-id": "", "posts-2-title": "Added"}
    page = surface.submit("/admin/user/edit/", changes | {"del-posts-1": "on"}, id=2)
    with surface.elsewhere() as session:
        titles = {post.title for post in session.get(User, 2).posts}
        require(titles == {"Changed", "Added"}, f"{sorted(titles)}: {alerts(page)}")


@check(views="POSTS")
def inline_edit(surface):
    """A cell of the list is edited in place."""
    post(surface, "/admin/post/ajax/update/", list_form_pk="2", title="In place")
    with surface.elsewhere() as session:
        require(session.get(Post, 2).title == "In place", "the row is unchanged")


@check(views="POSTS")
def bulk_delete(surface):
    """Selected rows are deleted together."""
    page = post(surface, "/admin/post/action/", action="delete", rowid=["1", "2"])
    with surface.elsewhere() as session:
        left = session.scalars(select(Post.id)).all()
        require(left == [3], f"left {left}: {alerts(page)}")


@check(views="TAGS")
def delete(surface):
    """A row is deleted from the list."""
    page = post(surface, "/admin/tag/delete/", id="2")
    with surface.elsewhere() as session:
        require(session.get(Tag, 2) is None, f"the row is there: {alerts(page)}")


@check()
def integrity_error(surface):
    """A refused commit is reported, writes nothing, and the next request works."""
    twice = {f"posts-{n}-{key}": v for n in "01" for key, v in SAME_POST.items()}
    surface.submit("/admin/user/new/", {"name": "Eve", "email": "eve@a.com"} | twice)
    require(len(surface.rows("/admin/user/")) == 2, "the first statement was kept")
    changes = {"title": "A compiler", "author": "2"}
    page = surface.submit("/admin/post/new/", changes)
    require("Integrity error" in alerts(page), f"not reported: {alerts(page)}")
    require(len(surface.rows("/admin/post/")) == 3, "a half-written row")
    surface.submit("/admin/post/new/", changes | {"title": "Next"})
    require(len(surface.rows("/admin/post/")) == 4, "the next request fails")


@check(views="USERS")
def fresh_read(surface):
    """A change committed elsewhere is seen by the next request."""
    with surface.without_collection():
        require("Ada" in surface.rows("/admin/user/")[0], "the row is missing")
        surface.get("/admin/user/edit/", id=1)
        with surface.elsewhere() as session:
            session.get(User, 1).name = "Augusta"
            session.commit()
        require(
            "Augusta" in " ".join(surface.rows("/admin/user/"))
            and "Augusta" in surface.get("/admin/user/edit/", id=1),
            "stale: the next request shows the old value",
        )


@check(views="POSTS")
def session_per_request(surface):
    """One request uses one session, and the next request another."""
    apart(surface, "/admin/post/edit/", id=1)


def apart(surface, path, **query):
    used = []
    for _ in range(2):
        surface.sessions.clear()
        surface.get(path, **query)
        used.append(set(surface.sessions))
    require(not used[0] & used[1], "two requests share a session")
    require(all(len(sessions) == 1 for sessions in used), "a request uses two sessions")


@check(views="POSTS")
def shared_session(surface):
    """A hook that uses ``db.session`` works in the transaction of the view."""
    surface.before = lambda: current_app.extensions["sqlalchemy"].session.scalar(
        select(User.id).limit(1)
    )
    surface.sessions.clear()
    surface.get("/admin/post/edit/", id=1)
    require(len(surface.sessions) == 1, "the view has another session than db.session")


@check(views="USERS")
def session_per_thread(surface):
    """Two requests that run at the same time share no session."""
    surface.sessions.clear()
    answers = surface.at_once(
        *[
            partial(surface.send, "GET", "/admin/user/", surface.app.test_client())
            for _ in range(2)
        ]
    )
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    require(len(surface.sessions) == 2, "two threads share a session")


@check(views="LOOKUP")
def connections_returned(surface):
    """After each request the connection pool has every connection back."""
    for path, query in [
        ("/admin/user/", {"search": "a"}),
        ("/admin/post/", {"sort": 0, "flt0_7": "Ada"}),
        ("/admin/post/details/", {"id": 1}),
        ("/admin/post/export/csv/", {}),
        ("/admin/post/ajax/lookup/", {"name": "author", "query": "a"}),
        ("/admin/user/edit/", {"id": 1}),
    ]:
        surface.get(path, **query)
        returned(surface, f"GET {path}")
    for path, changes, query in [
        ("/admin/user/new/", {"name": "Eve", "email": "ada@example.com"}, {}),
        ("/admin/user/new/", {"name": "Alan", "email": "alan@example.com"}, {}),
        ("/admin/user/edit/", {"name": "New"}, {"id": 1}),
        ("/admin/tag/new/", {"name": "history"}, {}),
    ]:
        surface.submit(path, changes, **query)
        returned(surface, f"POST {path}")


def returned(surface, request):
    count = surface.pool.checkedout()
    plural = "connection" if count == 1 else "connections"
    require(count == 0, f"{count} {plural} kept after {request}")


def works(surface):
    """The short form of the surface, for views that are made in another place."""
    require(len(surface.rows("/admin/user/")) == 2, "the list misses rows")
    create(surface)
    apart(surface, "/admin/post/edit/", id=1)
    returned(surface, "the requests")


@check(PRODUCTION, place=at_import)
def made_at_import(surface):
    """Views made at import, before there is an application, work."""
    works(surface)


@check(PRODUCTION, place=before_init_app)
def made_before_init_app(surface):
    """Views made before ``db.init_app(app)`` work."""
    works(surface)


@check(PRODUCTION, place=in_a_context)
def made_in_a_context(surface):
    """Views made inside an application context work."""
    works(surface)


@check(PRODUCTION, place=for_init_app)
def made_for_init_app(surface):
    """Views added to an ``Admin()`` before ``Admin.init_app(app)`` work."""
    works(surface)


@check(PRODUCTION, views="SELF_SESSION")
def self_session(surface):
    """Overridden methods of a view can use ``self.session`` as a session."""
    surface.get("/admin/tag/call/")
    overrides(surface, "self.session")


@check(PRODUCTION, views="DB_SESSION")
def db_session(surface):
    """Overridden methods of a view can use ``db.session`` as a session."""
    overrides(surface, "db.session")


def overrides(surface, name):
    rows = surface.rows("/admin/tag/", search="h")
    surface.submit("/admin/tag/edit/", {"name": "past"}, id=1)
    surface.submit("/admin/tag/new/", {"name": "new"})
    post(surface, "/admin/tag/action/", action="rename", rowid=["2"])
    for _ in range(2):
        surface.get("/admin/tag/attribute/")
    post(surface, "/admin/tag/delete/", id="1")
    failed = surface.app.config["FAILED"]
    if failed:
        uses, text = ", ".join(failed), next(iter(failed.values()))
        raise Failure(f"with {name} these fail: {uses} ({text})")
    with surface.elsewhere() as session:
        names = set(session.scalars(select(Tag.name)))
    written = {"past nested", "past after", "new", "new nested", "new after", "renamed"}
    require(len(rows) == 2, "the list misses rows")
    # Which rows depends on the locks of the database.
    require(names == written, f"with {name} a hook loses rows, or keeps undone ones")
    require("renamed" in surface.app.config["SEEN"], "a hook sees other rows")
    returned(surface, "the requests")


@check(PRODUCTION, views="USERS")
def another_teardown_fails(surface):
    """When another extension's teardown raises, no session outlives its context."""

    @surface.app.teardown_appcontext
    def fail(error):
        raise ZeroDivisionError

    # What was there before is left out of the collections, which makes them short.
    gc.freeze()
    try:
        for _ in range(3):
            try:
                surface.get("/admin/user/")
            except ZeroDivisionError:
                continue
            raise Failure("the teardown function did not run")
        # Nobody closes the session: it goes when nothing refers to it, which a first
        # collection may bring about where a dictionary knows its context weakly.
        gc.collect()
        gc.collect()
    finally:
        gc.unfreeze()
    # How many depends on which addresses Python uses again.
    require(surface.pool.checkedout() == 0, "connections kept: no session is closed")


@check(PRODUCTION)
def warnings_as_errors(surface):
    """With Python's ``-W error`` the admin works, but for warnings of upstream."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for message in UPSTREAM_WARNINGS:
            warnings.filterwarnings("ignore", message=message)
        # The views of the surface exist; theirs is the warning of a new one.
        factory(surface.approach)(configuration(surface.url))
        integrity_error(surface)
        works(surface)
        details(surface)
        edit(surface)
        delete(surface)


@check(PRODUCTION, views="MEETING")
def failing_view(surface):
    """A view that raises, and a context without a request, keep no connection."""
    with suppress(Failure):
        surface.get("/admin/tag/fail/")
    returned(surface, "a view that raises")
    view = surface.app.extensions["admin"][0]._views[-1]
    with surface.app.app_context():
        view.get_query().all()
    returned(surface, "a context without a request")


@check(PRODUCTION, views="MEETING")
def held_save(surface):
    """A save that waits in a hook while another request is served loses nothing."""
    held, go_on, seen = threading.Event(), threading.Event(), []

    def hold(view):
        # The query sends the row to the database; the commit comes after the hook.
        view.get_query().count()
        held.set()
        go_on.wait(timeout=10)

    surface.app.config["HOLD"] = hold

    def look():
        held.wait(timeout=10)
        # A second tab of the same browser.
        tab = surface.app.test_client()
        tab._cookies = surface.client._cookies
        with suppress(Failure):
            seen.append(surface.send("GET", "/admin/tag/", tab))
        go_on.set()

    other = threading.Thread(target=look)
    token = surface.send("GET", "/token")
    other.start()
    data = {"csrf_token": token, "name": "held"}
    try:
        surface.send("POST", "/admin/tag/new/", follow_redirects=False, data=data)
    finally:
        # A save that fails does not come to its hook.
        held.set()
        other.join()
    require(seen and "held" not in seen[0], "another request sees an open transaction")
    with surface.elsewhere() as session:
        require(one(session, Tag, name="held"), "answered 302, and no row was saved")
    returned(surface, "the save")


def overlapping(surface, others=()):
    clients = {name: surface.app.test_client() for name in "ab"}
    tokens = {name: surface.send("GET", "/token", clients[name]) for name in "ab"}
    surface.sessions.clear()

    def save(name):
        data = {"csrf_token": tokens[name], "name": name}
        page = "/admin/tag/new/"
        # Not the page after it: one request, one context.
        surface.send("POST", page, clients[name], follow_redirects=False, data=data)

    requests = [partial(save, name) for name in "ab"]
    answers = surface.at_once(*requests, end=Turn(), others=others)
    with surface.elsewhere() as session:
        written = {name for name in "ab" if one(session, Tag, name=name)}
    failed = {
        name: answer
        for name, answer in zip("ab", answers, strict=True)
        if isinstance(answer, Exception)
    }
    if failed:
        saved = ", although its row was saved" if written & failed.keys() else ""
        said = told(next(iter(failed.values())))
        raise Failure(f"{len(failed)} of 2 requests failed{saved}: {said}")
    require(written == {"a", "b"}, f"only {sorted(written)} of two rows were saved")
    require(len(surface.sessions) == 2, "two requests share a session")
    returned(surface, "two requests that overlap")


@check(PRODUCTION, views="TAGS")
def threads(surface):
    """Two saves that overlap on threads: both answered, two sessions, none kept."""
    overlapping(surface)


@check(PRODUCTION, views="MEETING", process="gevent")
def gevent(surface):
    """Two saves that overlap on gevent: both answered, two sessions, none kept."""
    committed = Turn(alone=False)
    surface.app.config["MEET"] = committed.meet
    overlapping(surface, others=[committed])
