"""Input that no page offers: nothing breaks, nothing is written but what it says."""

import sqlite3
from urllib.parse import urlencode

import pytest
from flask import got_request_exception
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.measure.compatibility import factory
from tools.measure.reliability.approaches import WORKING
from tools.measure.reliability.load import TOKEN
from tools.measure.surface import configuration, describe

CASES = 2000
BIG = "99999999999999999999"
# What Flask-Admin answers with status 500 whatever session it is given: a request
# that shows it, and the exception, if it is one.
KNOWN = [
    ("GET", "/admin/user/", {"page": BIG}, "OverflowError: Python int too large"),
    (
        "GET",
        "/admin/post/ajax/lookup/",
        {"name": "author", "query": "a", "offset": BIG},
        "OverflowError: Python int too large",
    ),
    (
        "GET",
        "/admin/user/details/",
        {"id": "1,2"},
        "InvalidRequestError: Incorrect number of values in identifier",
    ),
    (
        "GET",
        "/admin/user/details/",
        {"id": "9", "url": "a\nb"},
        "ValueError: Header values must not contain newline characters.",
    ),
    (
        "POST",
        "/admin/post/ajax/update/",
        {},
        "AttributeError: 'NoneType' object has no attribute 'data'",
    ),
    (
        "POST",
        "/admin/post/ajax/update/",
        {"list_form_pk": "9", "title": "x"},
        "Record does not exist.",
    ),
    (
        "POST",
        "/admin/post/ajax/update/",
        {"list_form_pk": "1", "title": ""},
        "Failed to update record.",
    ),
]

# Values ---------------------------------------------------------------------

odd = [
    "",
    "0",
    BIG,
    "1,2",
    "1.0",
    "01",
    "NaN",
    "\0",
    "\r\n",
    "'",
    "%",
    "[]",
    "2026-01-02",
]
value = st.integers().map(str) | st.sampled_from(odd) | st.text(max_size=20)
row = st.sampled_from(["1", "2", "3"]) | value
values = value | st.lists(row, max_size=3)
place = st.sampled_from(["0", "1", "2", "9", "-1"]) | value


def some(needed=None, **known):
    """These arguments, any of the others, and one with any name."""
    named = st.fixed_dictionaries(needed or {}, optional=known)
    others = st.dictionaries(st.text(max_size=5), values, max_size=1)
    return st.builds(lambda one, other: other | one, named, others)


NONE = st.just({})


def request(method, view, page, query=NONE, data=NONE):
    path = st.builds("/admin/{}/{}".format, st.sampled_from(view.split()), page)
    return st.tuples(st.just(method), path, query, data)


# Requests -------------------------------------------------------------------

ALL, NAME = "user post tag", {"name": value}
filters = {"flt0_0": value, "flt1_7": value, "flt2_9": value, f"flt0_{BIG}": value}
listed = some(
    page=place, sort=place, desc=value, search=value, page_size=place, **filters
)
found = some(id=row, url=value, modal=value)
one = st.fixed_dictionaries({"id": row})
inline = {"posts-0-id": row, "posts-0-title": value, "del-posts-0": value}
user = some(name=value, email=value, posts=values, **inline)
post = some(title=value, body=value, published=value, author=row, tags=values)
author = st.just("author") | value
looked_up = some({"name": author, "query": value}, offset=place, limit=place)
chosen = {"action": st.just("delete") | value, "rowid": st.lists(row, max_size=3)}
cell = some({"list_form_pk": row}, title=value, body=value, id=row) | some()
export = st.builds("export/{}/".format, st.sampled_from(["csv", "json", "%"]))
requests = st.one_of(
    request("GET", ALL, st.just(""), listed),
    request("GET", ALL, export, listed),
    request("GET", ALL, st.sampled_from(["details/", "edit/", "new/"]), found),
    request("GET", "post", st.just("ajax/lookup/"), looked_up),
    request("GET", ALL, st.sampled_from(["delete/", "action/"]), found),
    request("POST", "user", st.just("new/"), NONE, user),
    request("POST", "user", st.just("edit/"), one, user),
    request("POST", "post", st.just("new/"), NONE, post),
    request("POST", "post", st.just("edit/"), one, post),
    request("POST", "tag", st.sampled_from(["new/", "edit/"]), one, some(name=value)),
    request("POST", ALL, st.just("delete/"), NONE, some({"id": row})),
    request("POST", ALL, st.just("action/"), NONE, some(chosen)),
    request("POST", "post", st.just("ajax/update/"), NONE, cell),
)


class Seed:
    """The database as it was made, what a request changed of it, and the way back."""

    def __init__(self, path):
        self.connection, self.copy = sqlite3.connect(path), sqlite3.connect(":memory:")
        self.connection.backup(self.copy)
        self.version, self.before = self.read_version(), self.rows()

    def read_version(self):
        # It changes whenever another connection commits.
        return self.connection.execute("PRAGMA data_version").fetchone()

    def rows(self):
        found = {}
        for table in ["user", "post", "tag", "post_tag"]:
            for row in self.connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608
                found[table, row if table == "post_tag" else row[0]] = row
        return found

    def take_changes(self):
        """``{(table, id): (old row, new row)}``; then all is as before."""
        if self.read_version() == self.version:
            return {}
        now = self.rows()
        self.copy.backup(self.connection)
        self.version = self.read_version()
        return {
            key: (self.before.get(key, ()), now.get(key, ()))
            for key in self.before.keys() | now.keys()
            if self.before.get(key) != now.get(key)
        }


def number(text):
    """The number that a database may take a text for."""
    try:
        return int(float(text))
    except (ValueError, OverflowError):
        return None


def unasked(sent, changes):
    """The changes that a request did not ask for."""
    method, path, query, data = sent
    _, _, view, page, *_ = path.split("/")
    said = {text for v in data.values() for text in (v if isinstance(v, list) else [v])}
    ids = {
        "new": [
            id
            for (table, id), (old, _) in changes.items()
            if (table, old) == (view, ())
        ][:1],
        "edit": [number(query.get("id", ""))],
        "delete": [number(data.get("id", ""))],
        "action": map(number, said) if data.get("action") == "delete" else [],
        "ajax": [number(data.get("list_form_pk", ""))],
    }
    mine = set(ids.get(page, ())) if method == "POST" else set()
    posts = {id for table, id in changes if table == "post"}
    if view == "post":
        posts |= mine
    for (table, id), (old, new) in changes.items():
        if table == "post_tag":
            asked = id[0] in posts or (view == "tag" and id[1] in mine)
        elif table == "post" and view == "user":
            # Its author has it, had it or is given it.
            asked = mine & {*old[-1:], *new[-1:]}
        else:
            asked = table == view and id in mine
        values = {str(v) for v in new} - {str(v) for v in (*old, *mine, None, id)}
        if not asked or (table != "post_tag" and values - said):
            yield table, old, new


class Target:
    """An approach, and how to send it a request as one person of many."""

    def __init__(self, approach, path):
        url = f"sqlite:///{path}/{approach}.db"
        app = factory(approach)(configuration(url))
        app.logger.disabled = True
        self.seed, self.errors = Seed(path / f"{approach}.db"), []
        self.client = app.test_client(use_cookies=False)
        page = self.client.get("/admin/user/")
        self.cookie, self.token = page.headers["Set-Cookie"], TOKEN.search(page.text)[1]
        got_request_exception.connect(self.note, app)

    def note(self, sender, exception, **extra):
        self.errors.append(describe(exception))

    def send(self, method, path, query, data, signed=True):
        """Send a request; return what an answer of status 500 says, or nothing."""
        self.errors.clear()
        if method == "POST":
            data = data | {"csrf_token": self.token if signed else "forged"}
        response = self.client.open(
            path,
            method=method,
            query_string=query,
            data=data or None,
            headers={"Cookie": self.cookie},
        )
        if response.status_code >= 500:
            return self.errors[0] if self.errors else response.text


def test_input(tmp_path, record):
    """No error but the known ones, and no write that was not asked for."""
    targets = {name: Target(name, tmp_path) for name in WORKING}
    known = tuple(said for *_, said in KNOWN)
    written = set()

    @settings(max_examples=CASES, derandomize=True, database=None, deadline=None)
    @given(requests, st.integers(0, 9))
    def send(sent, nth):
        for name, target in targets.items():
            said = target.send(*sent, signed=nth)
            assert said is None or said.startswith(known), name
            if changes := target.seed.take_changes():
                assert nth, name
                assert not [*unasked(sent, changes)], name
                written.add((name, sent[1].split("/")[3]))

    send()
    kinds = ["new", "edit", "delete", "action", "ajax"]
    assert written == {(name, kind) for name in WORKING for kind in kinds}
    for name in WORKING:
        cell = {"cases": CASES, "unknown errors": 0, "unasked writes": 0}
        record("input", name, cell)


@pytest.mark.parametrize("approach", WORKING)
def test_known(approach, tmp_path, record):
    """Each error that the cases are allowed, by a request of its own."""
    target = Target(approach, tmp_path)
    for method, path, given_, known in KNOWN:
        query, data = (given_, {}) if method == "GET" else ({}, given_)
        assert target.send(method, path, query, data).startswith(known)
        assert not target.seed.take_changes()
        mark = "?" if query else " "
        record("known", f"{method} {path}{mark}{urlencode(given_)}", known)
