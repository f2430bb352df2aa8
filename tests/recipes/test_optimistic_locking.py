"""Of two editors of one row, the second is told, and overwrites nothing."""

from functools import lru_cache

import pytest
from bs4 import BeautifulSoup
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from sqlalchemy import Column, ForeignKey, String, Table, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from snippets.recipes import optimistic_locking
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts

MESSAGE = "Somebody else saved this while you were writing."
LINK = "links-0-address"
COLUMNS = ["title", "tags", "version"]


@lru_cache
def models(module):
    """A page of the program that also has tags and inline rows, and its tag."""
    base = module.Base
    sheet_tag = Table(
        "optimistic_locking_sheet_tag",
        base.metadata,
        Column("sheet_id", ForeignKey("optimistic_locking_sheet.id"), primary_key=True),
        Column("tag_id", ForeignKey("optimistic_locking_tag.id"), primary_key=True),
    )

    class Tag(base):
        __tablename__ = "optimistic_locking_tag"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(String(100))

        def __str__(self):
            return self.name

    class Link(base):
        __tablename__ = "optimistic_locking_link"
        id: Mapped[int] = mapped_column(primary_key=True)
        address: Mapped[str] = mapped_column(String(100))
        sheet_id = mapped_column(ForeignKey("optimistic_locking_sheet.id"))

    class Sheet(module.Versioned, base):
        __tablename__ = "optimistic_locking_sheet"
        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str] = mapped_column(String(100))
        tags = relationship(Tag, secondary=sheet_tag, backref="sheets")
        links = relationship(Link, backref="sheet", cascade="all, delete-orphan")

    return Sheet, Tag, Link


def with_relations(module, columns=COLUMNS, ajax=None):
    """The program's factory with a view of that model."""
    sheet, tag, link = models(module)

    class SheetView(module.VersionedView, ModelView):
        form_columns = columns
        inline_models = [link]
        form_ajax_refs = ajax

    class TagView(ModelView):
        form_base_class = SecureForm
        form_columns = ["name", "sheets"]

    def create_app(config):
        app = module.create_app(config)
        with app.app_context():
            session = module.db.session
            session.add_all([tag(name="one"), tag(name="two"), sheet(title="Welcome")])
            session.commit()
        admin = app.extensions["admin"][0]
        admin.add_view(SheetView(sheet, module.db.session, endpoint="sheet"))
        admin.add_view(TagView(tag, module.db.session, endpoint="tag"))
        return app

    return create_app


@pytest.fixture
def sheets(drive):
    return drive(with_relations(optimistic_locking))


class Editor:
    """A browser with a form open in it."""

    def __init__(self, surface, name="page"):
        self.surface, self.client = surface, surface.app.test_client()
        self.path = f"/admin/{name}/edit/"
        self.open()

    def open(self):
        page = self.send("GET")
        form = BeautifulSoup(page, "html.parser").select_one("form.admin-form")
        self.form = {
            field["name"]: field.get("value", "")
            for field in form.select("[name]:not([type=checkbox], [type=submit])")
        }
        chosen = form.select("[name=tags] option[selected]")
        self.form["tags"] = [option["value"] for option in chosen]

    def save(self, **changes):
        return self.send("POST", data=self.form | changes)

    def send(self, method, **options):
        query = {"id": 1}
        return self.surface.send(
            method, self.path, self.client, query_string=query, **options
        )


def row(surface, name="page"):
    table = f"optimistic_locking_{name}"
    query = text(f"SELECT title, version FROM {table} WHERE id = 1")  # noqa: S608
    with surface.elsewhere() as session:
        return tuple(session.execute(query).one())


def ask(surface, query):
    with surface.elsewhere() as session:
        return [*session.scalars(text(query))]


def tags(surface):
    return ask(surface, "SELECT tag_id FROM optimistic_locking_sheet_tag")


def links(surface):
    return ask(surface, "SELECT address FROM optimistic_locking_link ORDER BY id")


def test_the_second_editor_is_told(surface):
    one, other = Editor(surface), Editor(surface)
    assert "successfully" in alerts(one.save(title="First"))
    for _ in range(2):
        page = other.save(title="Second", body="A long text")
        assert MESSAGE in alerts(page)
        assert "UPDATE statement" not in alerts(page)
        assert 'value="Second"' in page
        assert "A long text" in page
        assert row(surface) == ("First", 2)
    other.open()
    assert "successfully" in alerts(other.save(title="Both"))
    assert row(surface) == ("Both", 3)


def two(sheets):
    return Editor(sheets, "sheet"), Editor(sheets, "sheet")


def test_two_editors_of_a_relation(sheets):
    """Nothing in the row itself changes, and yet the first one's tags stay."""
    one, other = two(sheets)
    assert "successfully" in alerts(one.save(tags="1"))
    assert MESSAGE in alerts(other.save(tags="2"))
    assert tags(sheets) == [1]
    other.open()
    assert "successfully" in alerts(other.save(tags=["1", "2"]))
    assert sorted(tags(sheets)) == [1, 2]


def test_two_editors_of_inline_rows(sheets):
    one, other = two(sheets)
    assert "successfully" in alerts(one.save(**{LINK: "first"}))
    assert MESSAGE in alerts(other.save(**{LINK: "second"}))
    assert links(sheets) == ["first"]
    one.open()
    other.open()
    assert "successfully" in alerts(other.save(**{LINK: "edited"}))
    assert MESSAGE in alerts(one.save(**{"del-links-0": "on"}))
    assert links(sheets) == ["edited"]


def test_a_relation_and_the_row(sheets):
    one, other = two(sheets)
    assert "successfully" in alerts(one.save(tags="1"))
    assert MESSAGE in alerts(other.save(title="Second"))
    assert tags(sheets) == [1]
    assert row(sheets, "sheet")[0] == "Welcome"


def test_one_editor_saves_many_times(sheets):
    editor, _ = two(sheets)
    for title in ["A", "B", "B"]:
        page = editor.save(title=title, tags="1", **{LINK: title})
        assert "successfully" in alerts(page)
        assert row(sheets, "sheet")[0] == title
        editor.open()
    assert links(sheets) == ["B"]


def test_a_query_in_a_hook(sheets):
    """It sends the changes before the hook is over; the version still counts."""

    def look(form, model, is_created):
        optimistic_locking.db.session.query(type(model)).count()
        model.title += "!"

    view = sheets.app.extensions["admin"][0]._views[-2]
    view.on_model_change = look
    one, other = two(sheets)
    assert "successfully" in alerts(one.save(title="First", tags="1"))
    assert MESSAGE in alerts(other.save(title="Second", tags="2"))
    assert row(sheets, "sheet")[0] == "First!"
    one.open()
    assert "successfully" in alerts(one.save())


@pytest.mark.parametrize("version", ["", "0", "-1", "99", "9" * 30, "²", "x", None])
def test_a_form_that_does_not_know_the_version(surface, version):
    editor = Editor(surface)
    del editor.form["version"]
    changes = {} if version is None else {"version": version}
    assert MESSAGE in alerts(editor.save(title="Forged", **changes))
    assert row(surface) == ("Welcome", 1)


def overwrite(surface, name="page"):
    statement = f"UPDATE optimistic_locking_{name} SET title = 'First', "  # noqa: S608
    with surface.elsewhere() as session:
        session.execute(text(f"{statement} version = version + 1"))
        session.commit()


@pytest.mark.parametrize("changes", [{"title": "Second"}, {"tags": "1"}])
def test_between_reading_and_writing(sheets, changes):
    view = sheets.app.extensions["admin"][0]._views[-2]
    view.on_model_change = lambda *arguments: overwrite(sheets, "sheet")
    assert MESSAGE in alerts(two(sheets)[0].save(**changes))
    assert row(sheets, "sheet")[0] == "First"
    assert tags(sheets) == []


def test_a_new_row_in_the_place_of_a_deleted_one(surface):
    """Its id and its version would fit."""
    editor = Editor(surface)
    surface.delete("/admin/page/", 1)
    surface.submit("/admin/page/new/", {"title": "Another"})
    editor.save(title="Overwritten")
    assert "Another" in surface.rows("/admin/page/")[0]


def test_a_new_row(surface):
    surface.submit("/admin/page/new/", {"title": "New", "version": "7"})
    query = "SELECT version FROM optimistic_locking_page WHERE title = 'New'"
    assert ask(surface, query) == [1]


def test_inline_edit_and_delete_ask_for_no_version(drive, monkeypatch):
    view = optimistic_locking.PageView
    monkeypatch.setattr(view, "column_editable_list", ["title"], raising=False)
    surface = drive(optimistic_locking.create_app)
    editor = Editor(surface)
    overwrite(surface)
    surface.update("/admin/page/", 1, title="In the list")
    assert row(surface) == ("In the list", 3)
    assert MESSAGE in alerts(editor.save(title="Second"))
    surface.delete("/admin/page/", 1)
    assert surface.rows("/admin/page/") == []


def test_the_other_end_of_a_relation_counts_nothing(sheets):
    """As the page says: a form of the other model writes to the same rows."""
    editor, _ = two(sheets)
    sheets.submit("/admin/tag/edit/", {"sheets": "1"}, id=1)
    assert tags(sheets) == [1]
    assert row(sheets, "sheet") == ("Welcome", 1)
    assert "successfully" in alerts(editor.save(title="Second"))
    assert tags(sheets) == []


@pytest.mark.parametrize("ajax", [None, {"tags": {"fields": ["name"]}}])
@pytest.mark.parametrize("columns", [COLUMNS, COLUMNS[::-1]])
def test_the_order_of_the_fields_does_not_matter(drive, columns, ajax):
    sheets = drive(with_relations(optimistic_locking, columns, ajax))
    one, other = two(sheets)
    assert "successfully" in alerts(one.save(title="First", tags="1"))
    assert MESSAGE in alerts(other.save(title="Second", tags="2"))
    assert tags(sheets) == [1]


def forged(surface):
    test_a_form_that_does_not_know_the_version(surface, None)


def huge(surface):
    test_a_form_that_does_not_know_the_version(surface, "9" * 30)


@pytest.mark.parametrize(
    ("line", "replacement", "test"),
    [
        (
            'mapped_column()\n    __mapper_args__ = {"version_id_col": version}',
            "mapped_column(default=1)",
            test_the_second_editor_is_told,
        ),
        ("        set_committed_value(obj, name, shown)\n", "", forged),
        ('"body", "version"]', '"body"]', test_the_second_editor_is_told),
        ("(VersionedView, ModelView)", "(ModelView)", test_the_second_editor_is_told),
        ("not isinstance(exc, StaleDataError)", "True", test_the_second_editor_is_told),
        ('(self.raw_data or [""])[0]', "str(self.data)", forged),
        (" if sent.isdecimal() and len(sent) < 10 else 0", "", forged),
        (" and len(sent) < 10", "", huge),
        (
            '"sqlite_autoincrement": True',
            "",
            test_a_new_row_in_the_place_of_a_deleted_one,
        ),
    ],
)
def test_removal(line, replacement, test, drive):
    module = without(optimistic_locking, line, replacement)
    with pytest.raises((AssertionError, KeyError, Failure, RuntimeError)):
        test(drive(module.create_app))


@pytest.mark.parametrize(
    "test", [test_two_editors_of_a_relation, test_two_editors_of_inline_rows]
)
def test_removal_of_the_count(test, drive):
    module = without(optimistic_locking, "        setattr(obj, name, shown + 1)\n")
    with pytest.raises(AssertionError, match=MESSAGE):
        test(drive(with_relations(module)))


@pytest.mark.parametrize(
    ("line", "count"), [("", 1), ("    form_base_class = SecureForm\n", 2)]
)
def test_removal_of_the_token(line, count, drive):
    module = without(optimistic_locking, line) if line else optimistic_locking
    surface = drive(module.create_app)
    surface.send("POST", "/admin/page/new/", data={"title": "Forged"})
    assert len(surface.rows("/admin/page/")) == count
