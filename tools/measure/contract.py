"""What an approach has to do: one function per check, in the order of the tables.

A check gets a ``Surface`` and raises ``Failure`` in the words that the compatibility
page prints.
"""

import threading
from datetime import date

from flask import current_app
from sqlalchemy import select

from snippets.models import Post, Tag, User
from tools.measure.surface import Turn, alerts, lookup, require

CHECKS = {}


def check(function):
    CHECKS[function.__name__.replace("_", "-")] = function
    return function


def one(session, model, **values):
    return session.scalars(select(model).filter_by(**values)).one_or_none()


@check
def construct(surface):
    """The application and its views are made."""


@check
def listing(surface):
    """The list page shows every row."""
    require(len(surface.rows("/admin/user/")) == 2, "the list misses rows")


@check
def search(surface):
    """A search finds the row and no other."""
    rows = surface.rows("/admin/user/", search="grace")
    require(len(rows) == 1 and "Grace" in rows[0], "the search finds other rows")


@check
def filtering(surface):
    """A filter over a relation narrows the list."""
    argument = surface.filter("/admin/post/", "author / User / Name", "contains")
    rows = surface.rows("/admin/post/", **{argument: "Ada"})
    require(len(rows) == 1 and "Ada" in rows[0], f"the filter left {len(rows)} rows")


@check
def sort(surface):
    """A click on a column head sorts the list, both ways."""
    up = surface.rows("/admin/post/", sort=0)
    down = surface.rows("/admin/post/", sort=0, desc=1)
    require("A compiler" in up[0] and up == down[::-1], "the order is wrong")


@check
def details(surface):
    """The details page shows the row and its relations."""
    require("Ada" in surface.get("/admin/post/details/", id=1), "the author is missing")


@check
def export(surface):
    """The CSV export holds a head and every row."""
    text = surface.get("/admin/post/export/csv/")
    require(len(text.strip().splitlines()) == 4, "the export misses rows")


@check
def create(surface):
    """A form creates a row."""
    page = surface.submit(
        "/admin/user/new/", {"name": "Alan", "email": "alan@example.com"}
    )
    with surface.elsewhere() as session:
        require(one(session, User, name="Alan"), f"no row was made: {alerts(page)}")


@check
def unique(surface):
    """A value that is taken is refused with a message at the field."""
    page = surface.submit(
        "/admin/user/new/", {"name": "Eve", "email": "ada@example.com"}
    )
    require("Already exists." in page, f"no message: {alerts(page)}")
    page = surface.submit("/admin/user/edit/", {"name": "Ada L."}, id=1)
    with surface.elsewhere() as session:
        require(one(session, User, name="Ada L."), f"own value refused: {alerts(page)}")


@check
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


@check
def ajax_lookup(surface):
    """The select box of a relation finds rows as one types."""
    found = lookup(surface, name="author", query="ada")
    require(found == [[1, "Ada"]], f"found {found}")


@check
def ajax_edit(surface):
    """A relation chosen by lookup is saved."""
    page = surface.submit("/admin/post/edit/", {"author": "2"}, id=1)
    with surface.elsewhere() as session:
        require(
            session.get(Post, 1).author_id == 2, f"the row is unchanged: {alerts(page)}"
        )


@check
def inline_models(surface):
    """Rows of a related model are changed, added and deleted in the parent's form."""
    changes = {"posts-0-title": "Changed", "posts-2-id": "", "posts-2-title": "Added"}
    page = surface.submit("/admin/user/edit/", changes | {"del-posts-1": "on"}, id=2)
    with surface.elsewhere() as session:
        titles = {post.title for post in session.get(User, 2).posts}
        require(titles == {"Changed", "Added"}, f"{sorted(titles)}: {alerts(page)}")


@check
def inline_edit(surface):
    """A cell of the list is edited in place."""
    data = {
        "csrf_token": surface.token("/admin/post/"),
        "list_form_pk": "2",
        "title": "In place",
    }
    surface.send("POST", "/admin/post/ajax/update/", data=data)
    with surface.elsewhere() as session:
        require(session.get(Post, 2).title == "In place", "the row is unchanged")


@check
def bulk_delete(surface):
    """Selected rows are deleted together."""
    data = {
        "csrf_token": surface.token("/admin/post/"),
        "action": "delete",
        "rowid": ["1", "2"],
    }
    page = surface.send("POST", "/admin/post/action/", data=data)
    with surface.elsewhere() as session:
        left = session.scalars(select(Post.id)).all()
        require(left == [3], f"left {left}: {alerts(page)}")


@check
def delete(surface):
    """A row is deleted from the list."""
    data = {"csrf_token": surface.token("/admin/tag/"), "id": "2"}
    page = surface.send("POST", "/admin/tag/delete/", data=data)
    with surface.elsewhere() as session:
        require(session.get(Tag, 2) is None, f"the row is there: {alerts(page)}")


@check
def integrity_error(surface):
    """A refused commit is reported, writes nothing, and the next request works."""
    changes = {"title": "A compiler", "author": "2"}
    page = surface.submit("/admin/post/new/", changes)
    require("Integrity error" in alerts(page), f"not reported: {alerts(page)}")
    require(len(surface.rows("/admin/post/")) == 3, "a half-written row")
    surface.submit("/admin/post/new/", changes | {"title": "Next"})
    require(len(surface.rows("/admin/post/")) == 4, "the next request fails")


@check
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


@check
def session_per_request(surface):
    """One request uses one session, and the next request another."""
    used = []
    for _ in range(2):
        surface.sessions.clear()
        surface.get("/admin/post/edit/", id=1)
        used.append(set(surface.sessions))
    require(not used[0] & used[1], "two requests share a session")
    require(all(len(sessions) == 1 for sessions in used), "a request uses two sessions")


@check
def shared_session(surface):
    """A hook that uses ``db.session`` works in the transaction of the view."""
    surface.before = lambda: current_app.extensions["sqlalchemy"].session.scalar(
        select(User.id).limit(1)
    )
    surface.sessions.clear()
    surface.get("/admin/post/edit/", id=1)
    require(len(surface.sessions) == 1, "the view has another session than db.session")


@check
def session_per_thread(surface):
    """Two requests that run at the same time share no session."""
    surface.turn = Turn()
    used, failures = {}, []

    def visit(name):
        client = surface.app.test_client()
        before = len(surface.sessions)
        try:
            surface.send("GET", "/admin/user/", client=client)
        except Exception as failure:
            failures.append(failure)
        used[name] = surface.sessions[before:]

    surface.sessions.clear()
    threads = [threading.Thread(target=visit, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    surface.turn = None
    if failures:
        raise failures[0]
    require(len(surface.sessions) == 2, "two threads share a session")


@check
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
        ("/admin/post/edit/", {"title": "New", "author": "2"}, {"id": 1}),
        ("/admin/post/new/", {"title": "A compiler", "author": "2"}, {}),
    ]:
        surface.submit(path, changes, **query)
        returned(surface, f"POST {path}")


def returned(surface, request):
    count = surface.pool.checkedout()
    plural = "connection" if count == 1 else "connections"
    require(count == 0, f"{count} {plural} kept after {request}")
