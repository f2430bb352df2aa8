"""The number of queries of a list page does not follow the number of its rows."""

from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from flask_admin.contrib.sqla import ModelView

from snippets.recipes import slow_lists
from snippets.recipes.slow_lists import Post, Tag, User
from tools.measure.removal import without
from tools.measure.surface import Failure

POSTS = "/admin/post/"
BOUNDED = hasattr(ModelView, "get_safe_page_size")
RELATED = "column_select_related_list = [Post.author]"
TAGS = "return super().get_query().options(selectinload(Post.tags))"
COUNT = "simple_list_pager = True"
SIZE = "        if args.page_size not in self.page_size_options:"


def fill(surface, total):
    with surface.elsewhere() as session:
        for number in range(session.query(Post).count(), total):
            tag = Tag(name=f"tag {number}")
            post = Post(title=f"post {number}", tags=[tag])
            post.author = User(name=f"by {number}")
            session.add(post)
        session.commit()


def sent(surface, path=POSTS):
    with surface.app.app_context():
        engine = surface.app.extensions["sqlalchemy"].engine
    with slow_lists.statements(engine) as statements:
        surface.get(path)
    return statements


def pages(surface, **query):
    page = BeautifulSoup(surface.get(POSTS, **query), "html.parser")
    links = page.select(".pagination li:not(.disabled) a")
    return [int(parse_qs(urlsplit(a["href"]).query).get("page", [0])[0]) for a in links]


def check_queries(surface):
    assert len(sent(surface)) == 2
    fill(surface, 20)
    assert len(sent(surface)) == 2
    rows = surface.rows(POSTS)
    assert len(rows) == 20
    assert "post 19 by 19 tag 19" in rows[-1]


def check_no_count(surface):
    assert not [line for line in sent(surface) if "count(" in line]


def check_size(surface):
    fill(surface, 120)
    sizes = {0: 20, 50: 50, 100: 20, 5: 20, -1: 20, 10**6: 20}
    assert "page_size=50" in surface.get(POSTS)
    found = {size: len(surface.rows(POSTS, page_size=size)) for size in sizes}
    assert found == sizes


def check_form(surface):
    """A form with a token, and without the tags of all posts there are."""
    page = BeautifulSoup(surface.get(f"{POSTS}new/"), "html.parser")
    names = {field["name"] for field in page.select("form [name]")}
    assert {"csrf_token", "title", "author"} <= names
    assert "tags" not in names


CHECKS = [check_queries, check_no_count, check_size, check_form]


@pytest.mark.parametrize("check", CHECKS)
def test_list(check, drive):
    check(drive(slow_lists.create_app))


def test_pager(drive):
    surface = drive(slow_lists.create_app)
    fill(surface, 40)
    assert pages(surface) == [1]
    # Nobody counted: a full page may be the last one.
    assert pages(surface, page=1) == [0, 2]
    assert surface.rows(POSTS, page=2) == []
    assert "List (" not in surface.get(POSTS)


def test_a_count_query_of_none(drive):
    line = "get_count_query = lambda self: None"
    surface = drive(without(slow_lists, COUNT, line).create_app)
    check_no_count(surface)
    assert pages(surface) == []


def test_a_relation_as_a_column_is_loaded_along(drive):
    class Default(ModelView):
        column_list = ["title", "author", "tags"]

    def create_app(config):
        app = slow_lists.create_app(config)
        view = Default(Post, slow_lists.db.session, endpoint="default")
        app.extensions["admin"][0].add_view(view)
        return app

    surface = drive(create_app)
    fill(surface, 20)
    assert len(sent(surface, "/admin/default/")) == len(["count", "rows"])


@pytest.mark.parametrize(
    ("line", "replacement", "check", "error", "match"),
    [
        (
            RELATED,
            "column_auto_select_related = False",
            check_queries,
            AssertionError,
            "== 2",
        ),
        (TAGS, "return super().get_query()", check_queries, AssertionError, "== 2"),
        (COUNT, "", check_no_count, AssertionError, "SELECT count"),
        (
            RELATED,
            "",
            check_queries,
            Failure,
            "Loader strateg.* conflict",
        ),
        (
            RELATED,
            'column_select_related_list = ["author"]',
            check_queries,
            Failure,
            "Strings are not accepted for attribute names in loader options",
        ),
        ("can_set_page_size = True", "", check_size, AssertionError, "page_size=50"),
    ],
)
def test_removal(line, replacement, check, error, match, drive):
    module = without(slow_lists, line, replacement)
    with pytest.raises(error, match=match):
        check(drive(module.create_app))


def test_who_bounds_the_size(drive):
    surface = drive(without(slow_lists, SIZE, "        if False:").create_app)
    fill(surface, 120)
    assert len(surface.rows(POSTS, page_size=110)) == (20 if BOUNDED else 110)
