"""Books with an author: form, search, filter, lookup, and the rows of the last step."""

import pytest
from sqlalchemy import text

from snippets.tutorial import forms, relation
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts

ADA, GRACE = 1, 2


@pytest.fixture
def surface(drive):
    return fill(drive(relation.create_app))


def fill(surface):
    for name in "Ada", "Grace":
        surface.submit("/admin/author/new/", {"name": name})
    for title, author, year in ("Notes", ADA, 1843), ("Compilers", GRACE, 1952):
        data = {"title": title, "author": author, "year": year}
        page = surface.submit("/admin/book/new/", data)
        assert "Record was successfully created." in alerts(page)
    return surface


def books(surface, **query):
    return [row.split()[-3:] for row in surface.rows("/admin/book/", **query)]


NOTES, COMPILERS = ["Notes", "Ada", "1843"], ["Compilers", "Grace", "1952"]


def test_search(surface):
    assert books(surface) == [NOTES, COMPILERS]
    assert books(surface, search="compil") == [COMPILERS]
    assert books(surface, search="ada") == [NOTES]


def test_filters(surface):
    later = surface.filter("/admin/book/", "Year", "greater than")
    assert books(surface, **{later: 1900}) == [COMPILERS]
    author = surface.filter("/admin/book/", "Author", "equals")
    assert books(surface, **{author: "Ada"}) == [NOTES]


def test_lookup(surface):
    found = surface.get("/admin/book/ajax/lookup/", name="author", query="gra")
    assert found.split() == ["[[2,", '"Grace"]]']


def test_edit_keeps_the_author(surface):
    surface.submit("/admin/book/edit/", {"year": "1844"}, id=1)
    assert books(surface)[0] == ["Notes", "Ada", "1844"]
    assert surface.pool.checkedout() == 0


def test_a_book_needs_an_author(surface):
    page = surface.submit("/admin/book/new/", {"title": "Anonymous"})
    assert "This field is required." in page
    assert len(books(surface)) == 2


def test_books_go_with_their_author(surface):
    surface.delete("/admin/author/", ADA)
    with surface.elsewhere() as session:
        titles = session.scalars(text("SELECT title FROM book")).all()
    assert titles == ["Compilers"]


def test_the_author_form_leaves_the_books_alone(surface):
    assert 'name="books"' not in surface.get("/admin/author/edit/", id=ADA)
    surface.submit("/admin/author/edit/", {"name": "Ada L.", "books": []}, id=ADA)
    assert books(surface)[0] == ["Ada", "L.", "1843"]


def test_the_database_of_the_last_step_goes_on(drive):
    old = drive(forms.create_app)
    old.submit("/admin/author/new/", {"name": "Mary"})
    engines = {"SQLALCHEMY_ENGINES": {"default": old.url}}
    client = relation.create_app(engines).test_client()
    assert "Mary" in client.get("/admin/author/").text
    assert client.get("/admin/book/").status_code == 200


@pytest.mark.parametrize(
    ("line", "replacement", "test"),
    [
        ('["title", "author.name"]', '["title"]', test_search),
        ('["year", "author.name"]', '["author.name"]', test_filters),
        ('["year", "author.name"]', '["year"]', test_filters),
        ('column_labels = {"author.name": "Author"}', "", test_filters),
        ('form_ajax_refs = {"author": {"fields": ["name"]}}', "", test_lookup),
        (', cascade="all, delete-orphan"', "", test_books_go_with_their_author),
        (
            'form_columns = ["name"]',
            'form_columns = ["name", "books"]',
            test_the_author_form_leaves_the_books_alone,
        ),
        ('"author", "year"]\n    form_ajax', '"year"]\n    form_ajax', fill),
    ],
)
def test_removal(line, replacement, test, drive):
    module = without(relation, line, replacement)
    surface = drive(module.create_app)
    with pytest.raises((AssertionError, Failure, KeyError)):
        test(surface if test is fill else fill(surface))
