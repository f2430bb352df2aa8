"""The options of a filter follow the table; the filter itself still filters."""

import json

import pytest
from bs4 import BeautifulSoup
from flask_admin.contrib.sqla.filters import IntEqualFilter
from sqlalchemy import delete, event, update

from snippets.recipes import fresh_filters
from snippets.recipes.fresh_filters import Post, User
from tools.measure.removal import without

POSTS = "/admin/post/"
CONTEXT = "Working outside of application context"


def options(surface, path=POSTS):
    page = BeautifulSoup(surface.get(path), "html.parser")
    groups = json.loads(page.select_one("#filter-groups-data").get_text())
    return [label for value, label in groups["Author"][0]["options"] or []]


def add(surface, name):
    surface.submit("/admin/user/new/", {"name": name})


def test_options_follow_the_table(surface):
    assert options(surface) == ["Ada", "Grace"]
    add(surface, "Hedy")
    assert options(surface) == ["Ada", "Grace", "Hedy"]
    with surface.elsewhere() as session:
        session.execute(update(User).filter_by(name="Hedy").values(name="Hedwig"))
        session.execute(delete(Post))
        session.execute(delete(User).filter_by(name="Ada"))
        session.commit()
    assert options(surface) == ["Grace", "Hedwig"]


def test_no_rows_at_the_start(surface):
    with surface.elsewhere() as session:
        session.execute(delete(Post))
        session.execute(delete(User))
        session.commit()
    assert options(surface) == []
    add(surface, "Hedy")
    assert options(surface) == ["Hedy"]


def test_a_new_option_filters(surface):
    add(surface, "Hedy")
    with surface.elsewhere() as session:
        author = session.query(User).filter_by(name="Hedy").one()
        session.add(Post(title="Hopping", author=author))
        session.commit()
        query = {surface.filter(POSTS, "Author", "equals"): author.id}
    assert ["Hopping" in row for row in surface.rows(POSTS, **query)] == [True]


def test_a_name_is_data_not_markup(surface):
    add(surface, "</div><script>")
    assert "</div><script>" in options(surface)
    assert "</div><script>" not in surface.get(POSTS)


def test_a_form_without_its_token_changes_nothing(surface):
    surface.send("POST", "/admin/user/new/", data={"name": "Forged"})
    data = {"title": "Forged", "author": "1"}
    surface.send("POST", "/admin/post/edit/?id=1", data=data)
    assert options(surface) == ["Ada", "Grace"]
    assert not any("Forged" in row for row in surface.rows(POSTS))


def test_one_query_for_each_page(surface):
    with surface.app.app_context():
        engine = fresh_filters.db.engine
    sent = []
    event.listen(engine, "before_cursor_execute", lambda *all: sent.append(all[2]))
    surface.get(POSTS)
    surface.get(POSTS)
    ordered = "ORDER BY fresh_filters_user.name"
    assert sum(ordered in statement for statement in sent) == 2


def test_a_callable_alone_is_read_once(drive):
    class Frozen(fresh_filters.PostView):
        column_filters = [
            IntEqualFilter(Post.author_id, "Author", options=fresh_filters.authors)
        ]

    def create_app(config):
        app = fresh_filters.create_app(config)
        with app.app_context():
            view = Frozen(Post, fresh_filters.db.session, endpoint="frozen")
        app.extensions["admin"][0].add_view(view)
        return app

    surface = drive(create_app)
    add(surface, "Hedy")
    assert options(surface, "/admin/frozen/") == ["Ada", "Grace"]
    assert options(surface) == ["Ada", "Grace", "Hedy"]


def test_the_result_of_the_function_needs_a_context_at_import():
    with pytest.raises(RuntimeError, match=CONTEXT):
        without(fresh_filters, "options=Fresh(authors)", "options=Fresh(authors())")


@pytest.mark.parametrize(
    ("line", "replacement", "expected"),
    [
        ("options=Fresh(authors)", "options=authors", (RuntimeError, CONTEXT)),
        ("options=Fresh(authors)", "options=None", (AssertionError, "Ada")),
        (
            "        return iter(self.read())",
            "        self.once = getattr(self, 'once', None) or self.read()\n"
            "        return iter(self.once)",
            (AssertionError, "Hedy"),
        ),
    ],
)
def test_removal(line, replacement, expected, drive):
    module = without(fresh_filters, line, replacement)
    error, match = expected
    with pytest.raises(error, match=match):
        test_options_follow_the_table(drive(module.create_app))


@pytest.mark.parametrize("view", ["UserView", "PostView"])
def test_removal_of_the_form_class(view, drive):
    line = f"class {view}(ModelView):\n    form_base_class = SecureForm\n"
    module = without(fresh_filters, line, f"class {view}(ModelView):\n")
    with pytest.raises(AssertionError):
        test_a_form_without_its_token_changes_nothing(drive(module.create_app))
