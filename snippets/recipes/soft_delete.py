"""Delete marks a row and hides it; the row stays in the database.

.. testcode::

    from snippets.recipes.soft_delete import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print("Kept" in client.get("/admin/note/").text)
    print("Deleted last year" in client.get("/admin/note/").text)
    print(client.get("/admin/note/edit/?id=2").status)

.. testoutput::

    True
    False
    302 FOUND
"""

import os
import secrets
from datetime import datetime, timezone
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, current_app, flash, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import DateTime, String
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
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


# region model
class Note(Base):
    __tablename__ = "soft_delete_note"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(100))
    # Without a time zone the database would store its own local time.
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


# endregion model


# region recipe
class SoftDeleteView(ModelView):
    """A view of a model that has a ``deleted_at`` column."""

    form_base_class = SecureForm
    form_excluded_columns = ["deleted_at"]
    column_exclude_list = ["deleted_at"]

    def get_query(self):
        return super().get_query().filter(self.model.deleted_at.is_(None))

    def get_count_query(self):
        return super().get_count_query().filter(self.model.deleted_at.is_(None))

    def get_one(self, id):
        found = super().get_one(id)
        return None if found is None or found.deleted_at else found

    def delete_model(self, model):
        try:
            self.on_model_delete(model)
            model.deleted_at = datetime.now(timezone.utc)
            db.session.commit()
        except Exception as error:
            db.session.rollback()
            if not self.handle_view_exception(error):
                current_app.logger.exception("Failed to delete record.")
                flash("Failed to delete record.", "error")
            return False
        self.after_model_delete(model)
        return True


# endregion recipe


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
        if db.session.get(Note, 1) is None:
            gone = datetime(2025, 1, 1, tzinfo=timezone.utc)
            db.session.add(Note(text="Kept"))
            db.session.add(Note(text="Deleted last year", deleted_at=gone))
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_view(SoftDeleteView(Note, db.session))
    # endregion add
    return app
