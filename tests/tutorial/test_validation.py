"""Wrong input and duplicates: what is said, and that nothing is kept of them."""

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session

from snippets.tutorial import relation, validation
from tools.measure.removal import without
from tools.measure.surface import alerts

DUPLICATE = "Not saved: there is such an entry already."


@pytest.fixture
def surface(drive):
    return fill(drive(validation.create_app))


def fill(surface):
    surface.submit("/admin/author/new/", {"name": "Ada"})
    add(surface, "Notes")
    return surface


def add(surface, title, year=""):
    data = {"title": title, "author": 1, "year": year}
    return surface.submit("/admin/book/new/", data)


def titles(surface):
    with surface.elsewhere() as session:
        return session.scalars(text("SELECT title FROM book ORDER BY id")).all()


@pytest.mark.parametrize("year", ["999", "2101"])
def test_a_year_out_of_range(year, surface):
    page = add(surface, "Sketches", year)
    assert "Number must be between 1000 and 2100." in page
    assert titles(surface) == ["Notes"]


@pytest.mark.parametrize("year", ["", "1000", "2100"])
def test_a_year_in_range(year, surface):
    add(surface, "Sketches", year)
    assert titles(surface) == ["Notes", "Sketches"]


def test_a_name_that_is_taken(surface):
    page = surface.submit("/admin/author/new/", {"name": "Ada"})
    assert "Already exists." in page
    assert len(surface.rows("/admin/author/")) == 1


def test_a_name_that_is_taken_between_check_and_commit(surface):
    engine = create_engine(surface.url)

    def be_faster(*arguments):
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO author (name) VALUES ('Mary')"))

    event.listen(Session, "before_flush", be_faster, once=True)
    page = surface.submit("/admin/author/new/", {"name": "Mary"})
    assert DUPLICATE in alerts(page)
    engine.dispose()


def test_a_book_that_its_author_has(surface):
    page = add(surface, "Notes")
    assert DUPLICATE in alerts(page)
    assert "UNIQUE" not in page
    assert "INSERT" not in page
    assert surface.pool.checkedout() == 0
    add(surface, "Sketches")
    assert titles(surface) == ["Notes", "Sketches"]


def test_a_title_changed_to_one_that_its_author_has(surface):
    add(surface, "Sketches")
    page = surface.submit("/admin/book/edit/", {"title": "Notes"}, id=2)
    assert DUPLICATE in alerts(page)
    assert titles(surface) == ["Notes", "Sketches"]


def test_other_errors_are_left_to_flask_admin(surface):
    def fail(*arguments):
        raise ValueError("something else")

    event.listen(Session, "before_flush", fail, once=True)
    assert "something else" in alerts(add(surface, "Sketches"))


def test_what_the_last_step_said(drive):
    surface = fill(drive(relation.create_app))
    said = alerts(add(surface, "Notes"))
    assert "Integrity error. (sqlite3.IntegrityError) UNIQUE" in said
    assert "[SQL: INSERT INTO book" in said


@pytest.mark.parametrize(
    ("line", "replacement", "test"),
    [
        ("isinstance(exc, IntegrityError)", "False", test_a_book_that_its_author_has),
        (
            "isinstance(exc, IntegrityError)",
            "False",
            test_a_title_changed_to_one_that_its_author_has,
        ),
        (
            "isinstance(exc, IntegrityError)",
            "False",
            test_a_name_that_is_taken_between_check_and_commit,
        ),
        (
            "isinstance(exc, IntegrityError)",
            "True",
            test_other_errors_are_left_to_flask_admin,
        ),
        (
            '__table_args__ = (UniqueConstraint("author_id", "title"),)',
            "",
            test_a_book_that_its_author_has,
        ),
        ("mapped_column(unique=True)", "mapped_column()", test_a_name_that_is_taken),
        (
            'form_args = {"year": {"validators": [NumberRange(1000, 2100)]}}',
            "",
            lambda surface: test_a_year_out_of_range("999", surface),
        ),
    ],
)
def test_removal(line, replacement, test, drive):
    surface = fill(drive(without(validation, line, replacement).create_app))
    with pytest.raises(AssertionError):
        test(surface)
