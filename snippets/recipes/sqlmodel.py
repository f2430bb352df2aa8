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

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import Annotated, cast

import pydantic
from flask import Flask, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.filters import FilterConverter
from flask_admin.contrib.sqla.form import AdminModelConverter
from flask_admin.form import SecureForm
from flask_admin.model.filters import convert
from flask_admin.model.form import converts
from flask_sqlalchemy_lite import SQLAlchemy
from pydantic import TypeAdapter
from sqlalchemy.orm import DeclarativeBase, Session
from sqlmodel import Field, Relationship, SQLModel
from werkzeug.local import LocalProxy
from wtforms import ValidationError


class LazySession(LocalProxy):
    """A proxy for the session of the current application context.

    :param db: a ``flask_sqlalchemy_lite.SQLAlchemy``.
    :raises RuntimeError: when it is used outside of an application context.
        Creating it needs none.
    """

    def __init__(self, db):
        super().__init__(db.get_session)

    @property
    def session(self):
        return self

    def __call__(self):
        return self._get_current_object()

    def __getattr__(self, name):
        # Flask-Admin looks for "_action" while the views are made.
        if name.startswith("_") and not has_app_context():
            raise AttributeError(name)
        return getattr(self._get_current_object(), name)


class ProxySQLAlchemy(SQLAlchemy):
    """Flask-SQLAlchemy-Lite with a ``db.session`` that is looked up on each use."""

    @cached_property
    def session(self) -> Session:
        return cast(Session, LazySession(self))

    def init_app(self, app):
        count = len(app.teardown_appcontext_funcs)
        super().init_app(app)
        if not app.config.get("SQLALCHEMY_ASYNC_ENGINES"):
            # Lite's asynchronous teardown breaks gevent and has nothing to close.
            added = app.teardown_appcontext_funcs[count:]
            app.teardown_appcontext_funcs[count:] = [
                function for function in added if not iscoroutinefunction(function)
            ]


db = ProxySQLAlchemy()


class Base(DeclarativeBase):
    pass


# region models
# One metadata with your other models: create_all and migrations see both kinds.
class TableModel(SQLModel, registry=Base.registry):
    pass


class Team(TableModel, table=True):
    __tablename__ = "sqlmodel_team"

    id: int | None = Field(default=None, primary_key=True)
    name: str
    heroes: list["Hero"] = Relationship(back_populates="team")

    def __str__(self):
        return self.name


class Hero(TableModel, table=True):
    __tablename__ = "sqlmodel_hero"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=40)
    age: int | None = Field(default=None, ge=0)
    team_id: int = Field(foreign_key="sqlmodel_team.id")
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
        info = getattr(model, "model_fields", {}).get(name)
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


# endregion recipe


# region views
class HeroView(SQLModelView):
    column_filters = ["name", "team.name"]
    column_searchable_list = ["name"]
    column_editable_list = ["name", "age"]


# endregion views


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping(
        # A random key ends all logins at each start: set one outside of development.
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
        SQLALCHEMY_ENGINES={
            "default": os.environ.get("DATABASE_URL", "sqlite:///guide.db")
        },
    )
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Team, 1) is None:
            db.session.add(Hero(name="Deadpond", team=Team(name="Preventers")))
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_view(HeroView(Hero, db.session))
    admin.add_view(SQLModelView(Team, db.session))
    # endregion add
    return app
