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

from dataclasses import fields
from functools import partial
from uuid import uuid4

from flask import Flask, g
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.fields import InlineModelFormList
from flask_admin.contrib.sqla.form import InlineModelConverter
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    MappedAsDataclass,
    mapped_column,
    relationship,
)

from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region models
class Base(MappedAsDataclass, DeclarativeBase):
    id: Mapped[int] = mapped_column(init=False, primary_key=True)
    name: Mapped[str]
    slug: Mapped[str] = mapped_column(init=False)
    code: Mapped[str] = mapped_column(default_factory=lambda: uuid4().hex)

    def __post_init__(self):
        self.slug = self.name.lower().replace(" ", "-")

    def __str__(self):
        return self.name


class Team(Base):
    __tablename__ = "team"

    players: Mapped[list["Player"]] = relationship(
        init=False, back_populates="team", cascade="all, delete-orphan"
    )


class Player(Base):
    __tablename__ = "player"

    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), init=False)
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


class TeamView(DataclassView):
    form_columns = ["name", "players"]
    inline_models = [(Player, {"form_columns": ["id", "name"]})]


class PlayerView(DataclassView):
    form_columns = ["name", "team"]


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Team, 1) is None:
            db.session.add(Team("Green Park"))
            db.session.commit()

    session = LazySession(db)
    admin = Admin(app)
    admin.add_view(TeamView(Team, session))
    admin.add_view(PlayerView(Player, session))
    return app
