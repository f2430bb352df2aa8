"""SQLModel models in the admin, with form fields and filters for their strings.

.. testcode::

    from snippets.recipes.sqlmodel import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    print("Deadpond" in app.test_client().get("/admin/hero/").text)
    print('name="name"' in app.test_client().get("/admin/hero/new/").text)

.. testoutput::

    True
    True
"""

from typing import Annotated

import pydantic
from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.filters import FilterConverter
from flask_admin.contrib.sqla.form import AdminModelConverter
from flask_admin.form import SecureForm
from flask_admin.model.filters import convert
from flask_admin.model.form import converts
from flask_sqlalchemy_lite import SQLAlchemy
from pydantic import TypeAdapter
from sqlalchemy.orm import registry
from sqlmodel import Field, Relationship, SQLModel
from wtforms import ValidationError

from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region models
# A registry of their own: create_all makes the tables of these models only.
class Base(SQLModel, registry=registry()):
    pass


class Team(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    heroes: list["Hero"] = Relationship(back_populates="team")

    def __str__(self):
        return self.name


class Hero(Base, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=40)
    age: int | None = Field(default=None, ge=0)
    team_id: int = Field(foreign_key="team.id")
    team: Team = Relationship(back_populates="heroes")


# endregion models


# region recipe
def constraint(info):
    """A validator of a form field that asks pydantic about a field of a model."""
    adapter = TypeAdapter(Annotated[info.annotation, info])

    def check(form, field):
        try:
            adapter.validate_python(field.data)
        except pydantic.ValidationError as error:
            raise ValidationError(error.errors()[0]["msg"]) from error

    return check


class SQLModelFormConverter(AdminModelConverter):
    @converts("AutoString")
    def conv_auto_string(self, **kwargs):
        return self.conv_String(**kwargs)

    def convert(self, model, mapper, name, prop, field_args, hidden_pk):
        info = model.model_fields.get(name)
        # A table model does not validate what a form assigns to it.
        if info is not None and info.metadata:
            field_args = dict(field_args or {})
            validators = field_args.get("validators", [])
            field_args["validators"] = [*validators, constraint(info)]
        return super().convert(model, mapper, name, prop, field_args, hidden_pk)


class SQLModelFilterConverter(FilterConverter):
    @convert("AutoString")
    def conv_auto_string(self, *args, **kwargs):
        return self.conv_string(*args, **kwargs)


class SQLModelView(ModelView):
    form_base_class = SecureForm
    model_form_converter = SQLModelFormConverter
    filter_converter = SQLModelFilterConverter()

    def update_model(self, form, model):
        # The key that an inline edit sends along is not a field of the model.
        if "list_form_pk" in form:
            del form.list_form_pk
        return super().update_model(form, model)


class HeroView(SQLModelView):
    column_filters = ["name", "team.name"]
    column_searchable_list = ["name"]
    column_editable_list = ["name", "age"]


# endregion recipe


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Team, 1) is None:
            db.session.add(Hero(name="Deadpond", team=Team(name="Preventers")))
            db.session.commit()

    session = LazySession(db)
    admin = Admin(app)
    admin.add_view(HeroView(Hero, session))
    admin.add_view(SQLModelView(Team, session))
    return app
