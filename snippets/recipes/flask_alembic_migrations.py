"""Migrations of plain SQLAlchemy models with Flask-Alembic.

.. testcode::

    from tempfile import TemporaryDirectory

    from snippets.recipes.flask_alembic_migrations import alembic, create_app

    with TemporaryDirectory() as folder:
        app = create_app(
            {
                "SQLALCHEMY_ENGINES": {"default": f"sqlite:///{folder}/guide.db"},
                "ALEMBIC": {"script_location": f"{folder}/migrations"},
            }
        )
        with app.app_context():
            print([script.doc for script in alembic.log()])
            print(alembic.needs_upgrade(), alembic.needs_revision())
        print("Migrated" in app.test_client().get("/admin/note/").text)

.. testoutput::
    :options: +ELLIPSIS

    Generating ...create_the_tables.py ...  done
    ['Create the tables']
    False False
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
from flask_admin.form import SecureForm
from flask_alembic import Alembic
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String, inspect
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


class Note(Base):
    __tablename__ = "flask_alembic_migrations_note"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(100))


# region alembic
alembic = Alembic(metadatas=Base.metadata)
# endregion alembic


class NoteView(ModelView):
    form_base_class = SecureForm


def first_start(app):
    """Do once what you do by hand: ``flask db revision``, ``flask db upgrade``."""
    with app.app_context():
        if inspect(db.engine).get_table_names():
            return
        if not alembic.heads():
            alembic.revision("Create the tables")
        alembic.upgrade()
        db.session.add(Note(text="Migrated"))
        db.session.commit()


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping(
        # A random key ends all logins at each start: set one outside of development.
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
        # A database of its own: a revision drops the tables that it does not know.
        SQLALCHEMY_ENGINES={
            "default": os.environ.get("DATABASE_URL", "sqlite:///migrations.db")
        },
        ALEMBIC={"script_location": f"{app.instance_path}/migrations"},
    )
    app.config.from_mapping(config)
    # region batch
    # SQLite cannot alter a column; this makes revisions that copy the table.
    app.config["ALEMBIC_CONTEXT"] = {"render_as_batch": True}
    # endregion batch
    db.init_app(app)
    # region init
    alembic.init_app(app)
    # endregion init
    first_start(app)

    admin = Admin(app)
    admin.add_view(NoteView(Note, db.session))
    return app
