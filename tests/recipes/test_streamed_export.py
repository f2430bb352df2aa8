"""The export holds few rows at a time, gives its connection back, and is only data."""

import csv
from contextlib import contextmanager
from weakref import WeakSet

import pytest
from bs4 import BeautifulSoup
from flask_admin.contrib.sqla import ModelView
from sqlalchemy import event, insert
from sqlalchemy.exc import InvalidRequestError
from sqlalchemy.orm import Mapper
from sqlalchemy.orm.exc import DetachedInstanceError

from snippets.recipes import streamed_export
from snippets.recipes.streamed_export import Post, User, post_tag
from tools.measure.removal import without

EXPORT = "/admin/post/export/csv/"
CHUNK, TOTAL = 100, 1000


@pytest.fixture
def start(drive):
    def make(module=streamed_export):
        surface = drive(module.create_app)
        with surface.elsewhere() as session:
            rows = [
                {"id": number, "title": f"post {number}", "author_id": 1}
                for number in range(4, TOTAL + 1)
            ]
            session.execute(insert(Post), rows)
            tags = [{"post_id": row["id"], "tag_id": 1} for row in rows]
            session.execute(insert(post_tag), tags)
            session.commit()
        return surface

    return make


@contextmanager
def count_posts():
    """How many posts were loaded, and how many were there at one time."""
    counts, alive = {"loaded": 0, "most": 0}, WeakSet()

    def note(post, context):
        if type(post).__name__ != "Post":
            return
        alive.add(post)
        counts["loaded"] += 1
        counts["most"] = max(counts["most"], len(alive))

    # Each copy of the program has a class of its own.
    event.listen(Mapper, "load", note)
    try:
        yield counts
    finally:
        event.remove(Mapper, "load", note)


def export(surface, **query):
    return list(csv.reader(surface.get(EXPORT, **query).splitlines()))


def check_everything_arrives(surface):
    titles, *rows = export(surface)
    assert titles == ["Title", "Author", "Tags"]
    assert len(rows) == TOTAL
    assert rows[-1] == [f"post {TOTAL}", "Ada", "history"]


def check_memory(surface):
    with count_posts() as counts:
        assert len(export(surface)) == TOTAL + 1
    assert counts["loaded"] == TOTAL
    # One more chunk is fetched while the last row of one is written.
    assert counts["most"] <= 2 * CHUNK


def check_first_row(surface):
    """The first row leaves when the first chunk is there."""
    with count_posts() as counts:
        response = surface.client.get(EXPORT, buffered=False)
        lines = response.iter_encoded()
        assert [next(lines), next(lines)][0] == b"Title,Author,Tags\r\n"
        assert counts["loaded"] <= CHUNK
        assert surface.pool.checkedout() == 1
        response.close()
    assert surface.pool.checkedout() == 0


def check_connection(surface):
    """It is given back after the last row, for HEAD, and if the reader goes away."""
    response = surface.client.get(EXPORT, buffered=False)
    assert len(list(response.iter_encoded())) == TOTAL + 1
    response.close()
    assert surface.pool.checkedout() == 0
    surface.client.head(EXPORT).close()
    assert surface.pool.checkedout() == 0


def check_selection(surface):
    """The export has the rows of the list: filter, search, sort, and no limit."""
    equals = surface.filter(
        "/admin/post/", "author / Streamed Export User / Name", "equals"
    )
    assert len(export(surface, **{equals: "Grace"})) == 1 + 2
    assert len(export(surface, search="99")) == 1 + 19
    assert export(surface, sort=0, desc=1)[1][0] == "post 999"
    assert len(surface.rows("/admin/post/")) == 20
    surface.app.extensions["admin"][0]._views[1].export_max_rows = 150
    assert len(export(surface)) == 1 + 150


def check_form(surface):
    page = BeautifulSoup(surface.get("/admin/post/new/"), "html.parser")
    names = {field["name"] for field in page.select("form [name]")}
    assert {"csrf_token", "title", "author"} <= names
    assert "tags" not in names


ATTACKS = [
    "=1+1",
    "+1",
    "-1+1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    " =1",
    "\N{FULLWIDTH EQUALS SIGN}1",
    "a;=1",
    "a\t=1",
    'a\n=HYPERLINK("x")',
    '"=1',
    'a;"=1+1;b',
    'a\t"=1+1\tb',
    'a; " =1',
]


def check_formulas(surface):
    with surface.elsewhere() as session:
        for number, title in enumerate(ATTACKS, 1):
            post = session.get(Post, number)
            post.title, post.author = title, User(name=title)
        session.get(User, 1).name = "=1+1"
        session.get(Post, 20).title = "well-known = 1 + 1"
        session.commit()
    text = surface.get(EXPORT)
    for separator in ",;\t":
        for row in csv.reader(text.splitlines(), delimiter=separator):
            for cell in row:
                assert not cell.strip().startswith(
                    tuple("=+-@\N{FULLWIDTH EQUALS SIGN}")
                )
    assert "well-known = 1 + 1," in text
    assert text.count("'=1+1") > TOTAL / 2


def check_separators(surface):
    """The search ends at the next one: it does not read a cell once for each."""
    with surface.elsewhere() as session:
        session.get(Post, 1).title = "\t;\t\r\n =1"
        session.commit()
    assert "\t;\t\r\n' =1" in surface.get(EXPORT)


def test_a_cell_of_tabs():
    """It would take minutes if the search went past the next one."""
    tabs = "\t" * 100_000
    assert streamed_export.FORMULA.sub("'", tabs) == tabs


CHECKS = [value for name, value in list(vars().items()) if name.startswith("check_")]


@pytest.mark.parametrize("check", CHECKS)
def test_export(check, start):
    check(start())


def test_numbers_stay_numbers(drive):
    line = 'column_list = ["title"'
    surface = drive(without(streamed_export, line, 'column_list = ["debt"').create_app)
    view = surface.app.extensions["admin"][0]._views[1]
    view.column_formatters_export = {"debt": lambda view, context, post, name: -5}
    assert export(surface)[1][0] == "-5"


RELATED = "column_select_related_list = [Post.author]"
RELATED_ALL = "column_select_related_list = [Post.author, Post.tags]"
QUERY = "return super().get_query().options(selectinload(Post.tags))"
STREAMED = "class PostView(StreamedExport, ModelView)"
LAZY = "column_auto_select_related = False"
DETACHED = "is not bound to a Session; lazy load operation of attribute"


def test_the_list_uses_the_session_of_the_request(start):
    surface = start()
    surface.sessions.clear()
    surface.rows("/admin/post/")
    assert len(surface.sessions) == 1


def test_a_relation_may_load_late(start):
    check_everything_arrives(start(without(streamed_export, RELATED, LAZY)))


def test_the_built_in_export(start):
    """It loads all rows at first, and cannot load a relation late."""
    plain = without(streamed_export, STREAMED, "class PostView(ModelView)")
    with pytest.raises(AssertionError, match=f"{TOTAL} <= "):
        check_memory(start(plain))
    plain.PostView.column_select_related_list = []
    plain.PostView.column_auto_select_related = False
    response = start(plain).client.get(EXPORT, buffered=False)
    assert response.status_code == 200
    with pytest.raises(DetachedInstanceError, match=DETACHED):
        list(response.iter_encoded())


def test_a_joined_collection_cannot_be_streamed(start):
    joined = without(streamed_export, RELATED, RELATED_ALL)
    joined.PostView.get_query = ModelView.get_query
    with pytest.raises(InvalidRequestError, match="joined eager loads against"):
        export(start(joined))


@pytest.mark.parametrize(
    ("line", "replacement", "check", "match"),
    [
        (STREAMED, "class PostView(ModelView)", check_memory, "1000 <= "),
        ("yield_per(100)", "all()", check_first_row, "1000 <= "),
        ("session.scalars(", "query.session.scalars(", check_connection, "1 == 0"),
        ("response.call_on_close(session.close)", "pass", check_connection, "1 == 0"),
        ("response.call_on_close(session.close)", "pass", check_first_row, "1 == 0"),
        ('FORMULA.sub("\'", str(value))', "value", check_formulas, "strip"),
        (r"[;\t\r\n]", r"[\r\n]", check_formulas, "strip"),
        (r'(?:[^\S\t\r\n]|[\0"])*', "", check_formulas, "strip"),
        (r'[\0"]', r"\0", check_formulas, "strip"),
        (r"[^\S\t\r\n]", r"\s", check_separators, "' =1"),
        (r"[^\S\t\r\n]", r"[^\S]", check_separators, "' =1"),
        (r"\uff1d", "", check_formulas, "strip"),
    ],
)
def test_removal(line, replacement, check, match, start):
    module = without(streamed_export, line, replacement)
    with pytest.raises(AssertionError, match=match):
        check(start(module))
