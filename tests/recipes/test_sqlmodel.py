"""Strings of SQLModel models have fields and filters; forms keep its constraints."""

import re
from types import SimpleNamespace

import pytest
from pydantic import field_validator
from sqlalchemy import String, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlmodel import Field, SQLModel, select
from wtforms import ValidationError

from snippets.recipes import sqlmodel
from tools.measure.removal import without
from tools.measure.surface import alerts

NO_FILTER = "Unsupported filter type name"
NO_FIELD = (
    'NOT NULL constraint failed: sqlmodel_hero.name|null value in column "name"'
    "|Column 'name' cannot be null"
)
NO_KEY = '"Hero" object has no field "list_form_pk"'
NEGATIVE = "Input should be greater than or equal to 0"


def heroes(surface):
    with surface.elsewhere() as session:
        query = text("SELECT name, age, team_id FROM sqlmodel_hero ORDER BY id")
        return [tuple(row) for row in session.execute(query)]


def test_strings_have_form_fields(surface):
    new = {"name": "Rusty-Man", "age": "48", "team": "1"}
    page = surface.submit("/admin/hero/new/", new)
    assert heroes(surface)[1:] == [("Rusty-Man", 48, 1)], alerts(page)
    surface.submit("/admin/hero/edit/", {"name": "Dive Wilson"}, id=1)
    assert heroes(surface) == [("Dive Wilson", None, 1), ("Rusty-Man", 48, 1)]
    surface.submit("/admin/team/new/", {"name": "Z-Force", "heroes": ["1"]})
    assert heroes(surface)[0] == ("Dive Wilson", None, 2)


def test_inline_edit(surface):
    data = surface.signed("/admin/hero/", list_form_pk="1", age="38")
    answer = surface.client.post("/admin/hero/ajax/update/", data=data)
    assert heroes(surface) == [("Deadpond", 38, 1)], answer.text
    answer = surface.client.post("/admin/hero/ajax/update/", data=data | {"age": "-1"})
    assert NEGATIVE in answer.text
    assert heroes(surface) == [("Deadpond", 38, 1)]


def test_strings_are_filtered_and_searched(surface):
    surface.submit("/admin/team/new/", {"name": "Z-Force"})
    surface.submit("/admin/hero/new/", {"name": "Rusty-Man", "team": "2"})
    for group, value in [("Name", "pond"), ("team / Sqlmodel Team / Name", "prevent")]:
        argument = surface.filter("/admin/hero/", group, "contains")
        rows = surface.rows("/admin/hero/", **{argument: value})
        assert ["Deadpond" in row for row in rows] == [True]
    rows = surface.rows("/admin/hero/", search="rusty")
    assert ["Rusty-Man" in row for row in rows] == [True]


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"name": "x" * 41}, "Field cannot be longer than 40 characters."),
        ({"name": "Deadpond"}, "Already exists."),
        ({"name": "Younger", "age": "-1"}, NEGATIVE),
    ],
)
def test_constraints_of_the_model_hold_in_the_form(surface, form, message):
    assert message in surface.submit("/admin/hero/new/", form)
    assert heroes(surface) == [("Deadpond", None, 1)]


def test_constraints_of_the_model_hold_for_a_row_that_is_there(surface):
    assert NEGATIVE in surface.submit("/admin/hero/edit/", {"age": "-1"}, id=1)
    assert heroes(surface) == [("Deadpond", None, 1)]


def test_a_plain_view_has_no_field_for_a_string(drive):
    line = "HeroView(Hero, db.session)"
    module = without(sqlmodel, line, line.replace("HeroView", "ModelView"))
    surface = drive(module.create_app)
    assert 'name="name"' not in surface.get("/admin/hero/new/")
    page = alerts(surface.submit("/admin/hero/new/", {}))
    assert re.search(NO_FIELD, page), page


class Careful(SQLModel):
    name: str = Field(max_length=10)

    @field_validator("name")
    def check(cls, value):
        raise ValueError("never")


def test_a_validator_of_the_class_is_not_run():
    with pytest.raises(ValueError, match="never"):
        Careful(name="short")
    check = sqlmodel.constraint(Careful.model_fields["name"])
    check(None, SimpleNamespace(data="short"))
    with pytest.raises(ValidationError, match="at most 10 characters"):
        check(None, SimpleNamespace(data="not so short"))


def test_the_session_is_the_one_of_sqlalchemy(surface, drive):
    with surface.app.app_context():
        assert not hasattr(sqlmodel.db.session, "exec")
    line = "db = ProxySQLAlchemy()"
    options = (
        'ProxySQLAlchemy(session_options={"class_": __import__("sqlmodel").Session})'
    )
    module = without(sqlmodel, line, f"db = {options}")
    other = drive(module.create_app)
    with other.app.app_context():
        found = module.db.session.exec(select(module.Hero.name)).all()
    assert found == ["Deadpond"]
    test_strings_have_form_fields(other)


def test_a_view_of_a_model_of_sqlalchemy(drive):
    """The base class takes both kinds; their tables are created together."""
    module = without(sqlmodel, "# region models\n")  # A copy, to add a model to.

    class Place(module.Base):
        __tablename__ = "sqlmodel_place"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(String(40))

    def create_app(config):
        app = module.create_app(config)
        view = module.SQLModelView(Place, module.db.session)
        app.extensions["admin"][0].add_view(view)
        return app

    surface = drive(create_app)
    surface.submit("/admin/place/new/", {"name": "A tower"})
    assert len(surface.rows("/admin/place/")) == 1


def test_models_of_sqlmodel_alone(drive):
    line = "class TableModel(SQLModel, registry=Base.registry):\n    pass\n"
    module = without(sqlmodel, line, "Base = TableModel = SQLModel\n")
    test_strings_have_form_fields(drive(module.create_app))


def test_a_form_without_its_token_changes_nothing(surface):
    data = {"name": "Forged", "team": "1"}
    surface.send("POST", "/admin/hero/edit/?id=1", data=data)
    assert heroes(surface) == [("Deadpond", None, 1)]


@pytest.mark.parametrize(
    ("line", "replacement", "test", "message"),
    [
        (
            "model_form_converter = SQLModelFormConverter",
            "pass",
            test_strings_have_form_fields,
            NO_FIELD,
        ),
        (
            "filter_converter = SQLModelFilterConverter()",
            "pass",
            test_strings_are_filtered_and_searched,
            NO_FILTER,
        ),
        (
            '@convert("AutoString")',
            "",
            test_strings_are_filtered_and_searched,
            NO_FILTER,
        ),
        (
            '@converts("AutoString")',
            "",
            test_strings_have_form_fields,
            NO_FIELD,
        ),
        (
            "[*validators, constraint(info)]",
            "validators",
            test_constraints_of_the_model_hold_for_a_row_that_is_there,
            NEGATIVE,
        ),
    ],
)
def test_removal(line, replacement, test, message, drive):
    module = without(sqlmodel, line, replacement)
    with pytest.raises(Exception, match=message):
        test(drive(module.create_app))


def test_removal_of_the_key(drive, caplog):
    module = without(sqlmodel, "del form.list_form_pk", "pass")
    with pytest.raises(AssertionError, match="38"):
        test_inline_edit(drive(module.create_app))
    # Flask-Admin 2.1.0 answers with another error that it makes of this one.
    assert NO_KEY in caplog.text


def test_removal_of_the_form_class(drive):
    module = without(sqlmodel, "form_base_class = SecureForm", "pass")
    with pytest.raises(AssertionError, match="Forged"):
        test_a_form_without_its_token_changes_nothing(drive(module.create_app))
