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

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_alembic import Alembic
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import inspect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from snippets.workarounds.lazy_session import LazySession


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]


class NoteView(ModelView):
    form_base_class = SecureForm


# region recipe
db = SQLAlchemy()
alembic = Alembic(metadatas=Base.metadata)


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(example(app))
    # SQLite cannot alter a column; this makes revisions that copy the table.
    app.config["ALEMBIC_CONTEXT"] = {"render_as_batch": True}
    app.config.from_mapping(config)
    db.init_app(app)
    alembic.init_app(app)
    first_start(app)

    admin = Admin(app)
    admin.add_view(NoteView(Note, LazySession(db)))
    return app


# endregion recipe


# region example
def example(app):
    """Keep the example apart: a revision drops tables that it does not know."""
    url = os.environ.get("DATABASE_URL", "sqlite:///migrations.db")
    return {
        "SQLALCHEMY_ENGINES": {"default": url},
        "ALEMBIC": {"script_location": f"{app.instance_path}/migrations"},
    }


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


# endregion example
