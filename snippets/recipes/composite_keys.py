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

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.tools import iterdecode
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region models
class Base(DeclarativeBase):
    pass


class Room(Base):
    __tablename__ = "room"

    building: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seats: Mapped[int]

    def __str__(self):
        return f"{self.building} {self.number}"


class Booking(Base):
    __tablename__ = "booking"
    __table_args__ = (
        ForeignKeyConstraint(["building", "number"], ["room.building", "room.number"]),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    building: Mapped[str]
    number: Mapped[int]
    room: Mapped[Room] = relationship()


# endregion models


# region recipe
class CompositeView(ModelView):
    """A view of a model whose primary key has more than one column."""

    form_base_class = SecureForm
    can_view_details = True

    def get_one(self, id):
        if len(iterdecode(id)) != len(self.model.__mapper__.primary_key):
            return None
        return super().get_one(id)


class RoomView(CompositeView):
    column_list = ["building", "number", "seats"]
    column_details_list = column_list
    column_editable_list = ["seats"]
    form_columns = ["building", "number", "seats"]

    def get_edit_form(self):
        form = super().get_edit_form()
        # A room that moves would leave its bookings behind.
        del form.building, form.number
        return form


class BookingView(ModelView):
    form_base_class = SecureForm
    column_list = ["title", "room"]
    form_columns = ["title", "room"]


# endregion recipe


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Room, ("South", 1)) is None:
            db.session.add(Room(building="South", number=1, seats=20))
            db.session.add(Room(building="North, upper floor", number=1, seats=8))
            db.session.commit()

    session = LazySession(db)
    admin = Admin(app)
    admin.add_view(RoomView(Room, session))
    admin.add_view(BookingView(Booking, session))
    return app
