"""An uploaded file lives exactly as long as the row that names it.

.. testcode::

    from pathlib import Path
    from tempfile import TemporaryDirectory

    from snippets.recipes.uploads import Document, create_app, db

    with TemporaryDirectory() as folder:
        engines = {"default": "sqlite://"}
        app = create_app({"SQLALCHEMY_ENGINES": engines, "UPLOAD_FOLDER": folder})
        with app.app_context():
            file = Path(folder, "report.txt")
            file.write_text("Quarterly")
            document = Document(title="Report", filename=file.name)
            db.session.add(document)
            db.session.commit()
            db.session.delete(document)
            db.session.flush()
            print(file.exists())
            db.session.commit()
            print(file.exists())

.. testoutput::

    True
    False
"""

import secrets
from pathlib import Path

from flask import Flask, current_app
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import FileUploadField, SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import event, inspect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


# region model
class Document(Base):
    __tablename__ = "document"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    filename: Mapped[str | None] = mapped_column(active_history=True)


# endregion model


# region field
def folder():
    return current_app.config["UPLOAD_FOLDER"]


def random_name(document, upload):
    # A name of its own for each row: nobody else's file is replaced or removed.
    return secrets.token_hex(16) + Path(upload.filename).suffix.lower()


class UploadField(FileUploadField):
    def _save_file(self, data, filename):
        # Without a transaction there is no end of one to clean up at.
        if not db.session.in_transaction():
            db.session.begin()
        db.session.info.setdefault("added", set()).add(filename)
        return super()._save_file(data, filename)

    def _delete_file(self, filename):
        """Do nothing: the old file is needed until the commit."""


class DocumentView(ModelView):
    form_base_class = SecureForm
    form_overrides = {"filename": UploadField}
    form_args = {
        "filename": {
            "label": "File",
            "base_path": folder,
            "namegen": random_name,
            "allowed_extensions": ["pdf", "png", "txt"],
        }
    }


# endregion field


# region session
@event.listens_for(Document, "before_update")
def note_update(mapper, connection, document):
    history = inspect(document).attrs.filename.history
    replaced = inspect(document).session.info.setdefault("replaced", set())
    replaced.update(history.deleted)
    replaced.difference_update(history.added)


@event.listens_for(Document, "before_delete")
def note_delete(mapper, connection, document):
    # A commit has expired what the bulk action loaded: ask the row for its name.
    history = inspect(document).attrs.filename.load_history()
    replaced = inspect(document).session.info.setdefault("replaced", set())
    replaced.update(history.sum())


def remove(names):
    for name in filter(None, names):
        Path(folder(), name).unlink(missing_ok=True)


def after_commit(session):
    if not session.in_nested_transaction():
        remove(session.info.pop("replaced", ()))
        session.info.pop("added", None)


def after_soft_rollback(session, transaction):
    session.info.pop("replaced", None)


def after_transaction_end(session, transaction):
    if transaction.parent is None:
        session.info.pop("replaced", None)
        remove(session.info.pop("added", ()))


def keep_files_with_rows(db):
    """Remove files when rows go. Needs an application context."""
    for listener in [after_commit, after_soft_rollback, after_transaction_end]:
        event.listen(db.sessionmaker, listener.__name__, listener)


# endregion session


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config["UPLOAD_FOLDER"] = f"{app.instance_path}/uploads"
    app.config["MAX_CONTENT_LENGTH"] = 2**20
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        keep_files_with_rows(db)
        Base.metadata.create_all(db.engine)

    admin = Admin(app)
    admin.add_view(DocumentView(Document, LazySession(db)))
    return app
