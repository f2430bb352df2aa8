"""Delete selected rows one by one with hooks, or all in one statement.

.. testcode::

    from snippets.recipes.bulk_delete import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    client = app.test_client()
    for path in ["/admin/ticket/", "/admin/archive/"]:
        page = client.get(path).text
        print([title in page for title in ["Open", "Closed", "Old"]])

.. testoutput::

    [True, True, True]
    [False, True, True]
"""

from __future__ import annotations

from flask import Flask
from flask_admin import Admin
from flask_admin.actions import action
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, event
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from wtforms import ValidationError

from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


# region models
class Ticket(Base):
    __tablename__ = "ticket"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    closed: Mapped[bool]
    comments: Mapped[list[Comment]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True
    )


class Comment(Base):
    __tablename__ = "comment"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id", ondelete="CASCADE"))


# endregion models


# region numbers
class DeletesByNumber:
    """Put this before ``ModelView`` in the bases of a view whose ids are numbers.

    Flask-Admin selects by the text of the request, which psycopg 3 calls text and
    PostgreSQL then refuses: https://github.com/pallets-eco/flask-admin/issues/2951
    """

    @action("delete", "Delete", "Are you sure you want to delete selected records?")
    def action_delete(self, ids):
        super().action_delete([int(id) for id in ids if id.isdecimal()])


# endregion numbers


# region hooks
class TicketView(DeletesByNumber, ModelView):
    form_base_class = SecureForm
    column_list = form_columns = ["title", "closed"]

    def on_model_delete(self, model):
        if not model.closed:
            raise ValidationError(f"{model.title} is not closed.")


# endregion hooks


# region fast
class ArchiveView(TicketView):
    fast_mass_delete = True

    def get_query(self):
        return super().get_query().filter(Ticket.closed)

    def get_count_query(self):
        return super().get_count_query().filter(Ticket.closed)

    def get_one(self, id):
        found = super().get_one(id)
        return found if found is not None and found.closed else None


# endregion fast


# region foreign-keys
def check_foreign_keys(connection, record):
    """Make SQLite follow ``ondelete``, as other databases do unasked."""
    connection.execute("PRAGMA foreign_keys = ON")


# endregion foreign-keys


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        if db.engine.name == "sqlite":
            event.listen(db.engine, "connect", check_foreign_keys)
        Base.metadata.create_all(db.engine)
        if db.session.get(Ticket, 1) is None:
            for title, closed in [("Open", False), ("Closed", True), ("Old", True)]:
                comments = [Comment(text=f"On {title}")]
                db.session.add(Ticket(title=title, closed=closed, comments=comments))
            db.session.commit()

    session = LazySession(db)
    admin = Admin(app)
    admin.add_view(TicketView(Ticket, session))
    admin.add_view(ArchiveView(Ticket, session, name="Archive", endpoint="archive"))
    return app
