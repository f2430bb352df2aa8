"""Views of tables whose models come from the database, each application its own."""

import re
from importlib.metadata import version

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import create_engine, text

from snippets.recipes import reflected_tables
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts


def books(surface):
    with surface.elsewhere() as session:
        rows = session.execute(
            text("SELECT title, author_id FROM reflected_tables_book ORDER BY id")
        )
        return [tuple(row) for row in rows]


def test_rows_are_shown_with_the_names_of_their_relations(surface):
    assert [sorted(row.split(" ")) for row in surface.rows("/admin/book/")] == [
        ["Ada", "Lovelace", "Notes"],
        ["Ada", "Lovelace", "Sketch"],
    ]
    page = surface.get("/admin/author/edit/", id=1)
    options = BeautifulSoup(page, "html.parser").select("#book_collection option")
    assert [option.get_text() for option in options] == ["Notes", "Sketch"]


def test_a_row_without_text_is_shown_by_its_key(monkeypatch):
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE size (id INTEGER PRIMARY KEY)"))
    monkeypatch.setattr(reflected_tables, "TABLES", {"size": "Size"})
    (model,) = reflected_tables.reflect(engine)
    assert str(model(id=7)) == "7"


def test_rows_are_created_and_edited(surface):
    book = {"title": "Compilers", "author": "2"}
    page = surface.submit("/admin/book/new/", book)
    assert "Record was successfully created." in alerts(page)
    surface.submit("/admin/book/edit/", {"title": "Nanoseconds"}, id=3)
    assert books(surface) == [("Notes", 1), ("Sketch", 1), ("Nanoseconds", 2)]


def delete_author(surface):
    return surface.delete("/admin/author/", 1)


def remove_a_book(surface):
    return surface.submit("/admin/author/edit/", {"book_collection": ["1"]}, id=1)


@pytest.mark.parametrize("way", [delete_author, remove_a_book])
def test_no_book_is_lost(surface, way):
    empty = (
        "NOT NULL constraint failed: reflected_tables_book.author_id"
        '|null value in column "author_id"'
        "|Column 'author_id' cannot be null"
    )
    assert re.search(empty, alerts(way(surface)))
    assert books(surface) == [("Notes", 1), ("Sketch", 1)]


def test_other_tables_are_out_of_reach(surface):
    with pytest.raises(Failure, match="404"):
        surface.get("/admin/login/")
    for path in ("", "new/", "edit/?id=1"):
        assert "for her eyes only" not in surface.send("GET", f"/admin/author/{path}")


def test_a_table_that_a_listed_one_refers_to_is_offered(drive, monkeypatch):
    monkeypatch.setattr(reflected_tables, "TABLES", {"reflected_tables_book": "Book"})
    surface = drive(reflected_tables.create_app)
    assert "Grace Hopper" in surface.get("/admin/book/new/")


def restart(surface, module):
    """Two applications in one process, the second one made after a change."""
    with surface.elsewhere() as session:
        session.execute(
            text("ALTER TABLE reflected_tables_book ADD COLUMN year INTEGER")
        )
        session.commit()
    config = {"SQLALCHEMY_ENGINES": {"default": surface.url}}
    restarted = module.create_app(config).test_client()
    assert "Year" in restarted.get("/admin/book/").text
    assert "Year" not in surface.get("/admin/book/")


def test_a_new_column_is_seen_after_a_restart(surface):
    restart(surface, reflected_tables)


def test_reflection_needs_a_context():
    with pytest.raises(
        RuntimeError, match=r"^Working outside of application context\."
    ):
        reflected_tables.reflect(reflected_tables.db.engine)


@pytest.mark.parametrize("table", ["reflected_tables_visit", "gone"])
def test_a_table_that_cannot_be_mapped(drive, monkeypatch, caplog, table):
    monkeypatch.setattr(
        reflected_tables, "TABLES", {table: "None", "reflected_tables_book": "Book"}
    )
    surface = drive(reflected_tables.create_app)
    assert caplog.messages == [f"No view of {table}: no table or no key"]
    assert len(surface.rows("/admin/book/")) == 2


def test_a_form_without_its_token_changes_nothing(surface):
    book = {"title": "Forged", "author": "1"}
    surface.send("POST", "/admin/book/new/", data=book)
    assert books(surface) == [("Notes", 1), ("Sketch", 1)]


@pytest.mark.parametrize(
    ("line", "replacement", "test"),
    [
        (
            ", only=lambda name, _: name in TABLES",
            "",
            test_other_tables_are_out_of_reach,
        ),
        (
            "    def __str__(self):",
            "    def name(self):",
            test_rows_are_shown_with_the_names_of_their_relations,
        ),
        (
            'options.pop("cascade", None)',
            "pass",
            lambda surface: test_no_book_is_lost(surface, delete_author),
        ),
        (
            'options.pop("cascade", None)',
            "pass",
            lambda surface: test_no_book_is_lost(surface, remove_a_book),
        ),
    ],
)
def test_removal(line, replacement, test, drive):
    module = without(reflected_tables, line, replacement)
    with pytest.raises(AssertionError):
        test(drive(module.create_app))


def test_removal_of_the_form_class(drive):
    module = without(reflected_tables, "form_base_class = SecureForm", "pass")
    with pytest.raises(AssertionError, match="Forged"):
        test_a_form_without_its_token_changes_nothing(drive(module.create_app))


def test_removal_of_the_own_base(drive):
    line = "base = automap_base(cls=Row)"
    shared = 'base = globals().setdefault("base", automap_base(cls=Row))'
    module = without(reflected_tables, line, shared)
    with pytest.raises(AssertionError, match="'Year' in"):
        restart(drive(module.create_app), module)


def test_removal_of_the_configuration(drive):
    surface = drive(
        without(reflected_tables, "base.registry.configure()", "pass").create_app
    )
    if version("flask-admin") == "1.6.1":
        with pytest.raises(AssertionError, match="'Record was"):
            test_rows_are_created_and_edited(surface)
    else:
        test_rows_are_created_and_edited(surface)
