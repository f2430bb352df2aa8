"""Show, create, edit and delete rows whose key has two columns.

.. testcode::

    from snippets.recipes.composite_keys import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/room/details/?id=North., upper floor,1").status)
    print("Record does not exist" in client.get(
        "/admin/room/details/?id=North", follow_redirects=True
    ).text)

.. testoutput::

    200 OK
    True
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.tools import iterdecode
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKeyConstraint, String
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
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
class Room(Base):
    __tablename__ = "composite_keys_room"

    building: Mapped[str] = mapped_column(String(50), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seats: Mapped[int]

    def __str__(self):
        return f"{self.building} {self.number}"


# endregion models


class Booking(Base):
    __tablename__ = "composite_keys_booking"
    __table_args__ = (
        ForeignKeyConstraint(["building", "number"], [Room.building, Room.number]),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    building: Mapped[str] = mapped_column(String(50))
    number: Mapped[int]
    room: Mapped[Room] = relationship()


# region recipe
class CompositeView(ModelView):
    """A view of a model whose primary key has more than one column."""

    form_base_class = SecureForm

    def get_one(self, id):
        if len(iterdecode(id)) != len(self.model.__mapper__.primary_key):
            return None
        return super().get_one(id)


# endregion recipe


# region views
class RoomView(CompositeView):
    can_view_details = True
    column_list = ["building", "number", "seats"]
    column_details_list = column_list
    column_editable_list = ["seats"]
    form_columns = ["building", "number", "seats"]

    def get_edit_form(self):
        form = super().get_edit_form()
        # A room that moves would leave its bookings behind.
        del form.building, form.number
        return form


# endregion views


class BookingView(ModelView):
    form_base_class = SecureForm
    column_list = ["title", "room"]
    form_columns = ["title", "room"]


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
        if db.session.get(Room, ("South", 1)) is None:
            db.session.add(Room(building="South", number=1, seats=20))
            db.session.add(Room(building="North, upper floor", number=1, seats=8))
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_view(RoomView(Room, db.session))
    # endregion add
    admin.add_view(BookingView(Booking, db.session))
    return app
