"""Of two editors of one row, the second is told, and overwrites nothing."""

import pytest
from bs4 import BeautifulSoup
from sqlalchemy import text

from snippets.recipes import optimistic_locking
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts

PATH = "/admin/page/edit/"
MESSAGE = "Somebody else saved this while you were writing."


class Editor:
    """A browser with a form open in it."""

    def __init__(self, surface):
        self.surface, self.client = surface, surface.app.test_client()
        self.open()

    def open(self):
        page = self.surface.send("GET", PATH, self.client, query_string={"id": 1})
        fields = BeautifulSoup(page, "html.parser").select("form.admin-form [name]")
        self.form = {field["name"]: field.get("value", "") for field in fields}

    def save(self, **changes):
        return self.surface.send(
            "POST",
            PATH,
            self.client,
            query_string={"id": 1},
            data=self.form | changes,
        )


def row(surface):
    with surface.elsewhere() as session:
        return session.execute(text("SELECT title, version FROM page")).one()


def test_the_second_editor_is_told(surface):
    one, other = Editor(surface), Editor(surface)
    assert "successfully" in alerts(one.save(title="First"))
    for _ in range(2):
        page = other.save(title="Second", body="A long text")
        assert MESSAGE in alerts(page)
        assert "UPDATE statement" not in alerts(page)
        assert 'value="Second"' in page
        assert "A long text" in page
        assert tuple(row(surface)) == ("First", 2)
    other.open()
    assert "successfully" in alerts(other.save(title="Both"))
    assert tuple(row(surface)) == ("Both", 3)


def test_one_editor_saves_many_times(surface):
    editor = Editor(surface)
    for title in ["A", "B", "C"]:
        editor.save(title=title)
        assert row(surface).title == title
        editor.open()
    assert MESSAGE not in editor.save()


@pytest.mark.parametrize("version", ["", "0", "-1", "99", "x", None])
def test_a_form_that_does_not_know_the_version(surface, version):
    editor = Editor(surface)
    del editor.form["version"]
    changes = {} if version is None else {"version": version}
    assert MESSAGE in alerts(editor.save(title="Forged", **changes))
    assert tuple(row(surface)) == ("Welcome", 1)


def overwrite(surface):
    with surface.elsewhere() as session:
        session.execute(text("UPDATE page SET title = 'First', version = version + 1"))
        session.commit()


def test_between_reading_and_writing(surface, monkeypatch):
    def be_overtaken(view, form, model, is_created):
        overwrite(surface)

    view = optimistic_locking.PageView
    monkeypatch.setattr(view, "on_model_change", be_overtaken)
    assert MESSAGE in alerts(Editor(surface).save(title="Second"))
    assert row(surface).title == "First"


def test_a_new_row(surface):
    surface.submit("/admin/page/new/", {"title": "New", "version": "7"})
    with surface.elsewhere() as session:
        query = text("SELECT version FROM page WHERE title = 'New'")
        assert session.scalar(query) == 1


def test_inline_edit_and_delete_ask_for_no_version(drive, monkeypatch):
    view = optimistic_locking.PageView
    monkeypatch.setattr(view, "column_editable_list", ["title"], raising=False)
    surface = drive(optimistic_locking.create_app)
    editor = Editor(surface)
    overwrite(surface)
    surface.update("/admin/page/", 1, title="In the list")
    assert tuple(row(surface)) == ("In the list", 3)
    assert MESSAGE in alerts(editor.save(title="Second"))
    surface.delete("/admin/page/", 1)
    assert surface.rows("/admin/page/") == []


def forged(surface):
    test_a_form_that_does_not_know_the_version(surface, None)


@pytest.mark.parametrize(
    ("line", "replacement", "test"),
    [
        (
            'mapped_column()\n    __mapper_args__ = {"version_id_col": version}',
            "mapped_column(default=1)",
            test_the_second_editor_is_told,
        ),
        ("set_committed_value(", "setattr(", test_the_second_editor_is_told),
        ('"body", "version"]', '"body"]', test_the_second_editor_is_told),
        ("not isinstance(exc, StaleDataError)", "True", test_the_second_editor_is_told),
        ('(self.raw_data or [""])[0]', "str(self.data)", forged),
        (" if shown.isdecimal() else 0", "", forged),
    ],
)
def test_removal(line, replacement, test, drive):
    module = without(optimistic_locking, line, replacement)
    with pytest.raises((AssertionError, KeyError, Failure)):
        test(drive(module.create_app))
