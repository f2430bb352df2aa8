"""Create rows of dataclass models by their constructor, in forms and inline.

.. testcode::

    from snippets.recipes.dataclass_models import Team, TeamView

    try:
        Team()
    except TypeError as error:
        print(error)
    print(Team("Green Park").slug, TeamView.form_columns)

.. testoutput::

    __init__() missing 1 required positional argument: 'name'
    green-park ['name', 'players']
"""

import os
import secrets
from dataclasses import fields
from functools import cached_property, partial
from inspect import iscoroutinefunction
from typing import cast
from uuid import uuid4

from flask import Flask, g, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.fields import InlineModelFormList
from flask_admin.contrib.sqla.form import InlineModelConverter
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    Session,
    mapped_column,
    relationship,
)
from werkzeug.local import LocalProxy


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
class Named(MappedAsDataclass):
    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    slug: Mapped[str] = mapped_column(String(100), init=False)
    code: Mapped[str] = mapped_column(String(32), default_factory=lambda: uuid4().hex)

    def __post_init__(self):
        self.slug = self.name.lower().replace(" ", "-")

    def __str__(self):
        return self.name


class Team(Named, Base):
    __tablename__ = "dataclass_models_team"

    players: Mapped[list["Player"]] = relationship(
        init=False, back_populates="team", cascade="all, delete-orphan"
    )


class Player(Named, Base):
    __tablename__ = "dataclass_models_player"

    team_id: Mapped[int] = mapped_column(ForeignKey(Team.id), init=False)
    team: Mapped[Team] = relationship(init=False, back_populates="players")


# endregion models


# region recipe
def construct(model, form):
    """Call the constructor of a dataclass model with the values of a form.

    :raises TypeError: when it needs an argument that the form does not have.
    """
    names = [field.name for field in fields(model) if field.init]
    return model(**{name: form[name].data for name in names if name in form})


class DataclassFormList(InlineModelFormList):
    def populate_obj(self, obj, name):
        model, entries = self.model, self.entries

        def each():
            # The base class calls self.model() for a row that is new.
            for entry in entries:
                self.model = partial(construct, model, entry.form)
                yield entry

        self.entries = each()
        try:
            super().populate_obj(obj, name)
        finally:
            self.model, self.entries = model, entries


class DataclassInlines(InlineModelConverter):
    inline_field_list_type = DataclassFormList


class DataclassView(ModelView):
    form_base_class = SecureForm
    inline_model_form_converter = DataclassInlines

    def create_model(self, form):
        # Not on self: the threads of a server share the view.
        g.form = form
        return super().create_model(form)

    def build_new_instance(self):
        return construct(self.model, g.form)


# endregion recipe


# region views
class TeamView(DataclassView):
    form_columns = ["name", "players"]
    inline_models = [(Player, {"form_columns": ["id", "name"]})]


class PlayerView(DataclassView):
    form_columns = ["name", "team"]


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
            db.session.add(Team("Green Park"))
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_view(TeamView(Team, db.session))
    admin.add_view(PlayerView(Player, db.session))
    # endregion add
    return app
