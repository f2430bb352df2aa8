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

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, has_app_context
from flask_admin import Admin
from flask_admin.actions import action
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, String, event
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
)
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
class Ticket(Base):
    __tablename__ = "bulk_delete_ticket"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    closed: Mapped[bool]
    comments: Mapped[list["Comment"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True
    )


class Comment(Base):
    __tablename__ = "bulk_delete_comment"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(1000))
    ticket_id: Mapped[int] = mapped_column(
        ForeignKey("bulk_delete_ticket.id", ondelete="CASCADE")
    )


# endregion models


# region numbers
class DeletesByNumber:
    """Put it before ``ModelView`` in the bases of a view whose ids are integers."""

    @action("delete", "Delete", "Are you sure you want to delete selected records?")
    def action_delete(self, ids):
        # PostgreSQL rejects a comparison with the text of the request.
        known = [id for id in ids if id.isdecimal() and len(id) < 10]
        super().action_delete([int(id) for id in known])


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
class ArchiveView(DeletesByNumber, ModelView):
    form_base_class = SecureForm
    column_list = form_columns = ["title"]
    can_create = False
    fast_mass_delete = True

    def get_query(self):
        return super().get_query().filter(Ticket.closed)

    def get_count_query(self):
        return super().get_count_query().filter(Ticket.closed)

    def get_one(self, id):
        found = super().get_one(id)
        return found if found is not None and found.closed else None


# endregion fast


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
    # region foreign-keys
    with app.app_context():
        if db.engine.name == "sqlite":

            @event.listens_for(db.engine, "connect")
            def check_foreign_keys(connection, record):
                connection.execute("PRAGMA foreign_keys = ON")

    # endregion foreign-keys
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Ticket, 1) is None:
            for title, closed in [("Open", False), ("Closed", True), ("Old", True)]:
                comments = [Comment(text=f"On {title}")]
                db.session.add(Ticket(title=title, closed=closed, comments=comments))
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_view(TicketView(Ticket, db.session))
    admin.add_view(ArchiveView(Ticket, db.session, name="Archive", endpoint="archive"))
    # endregion add
    return app
