"""An uploaded file lives as long as the row that names it.

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

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from pathlib import Path
from time import time
from typing import cast

from flask import Flask, current_app, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import FileUploadField, SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String, event, inspect, select
from sqlalchemy.exc import SQLAlchemyError
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
class Document(Base):
    __tablename__ = "uploads_document"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    filename: Mapped[str | None] = mapped_column(
        String(100), index=True, active_history=True
    )


# endregion model


# region field
def folder():
    return current_app.config["UPLOAD_FOLDER"]


def random_name(document, upload):
    # A name of its own for each row: nobody else's file is replaced or removed.
    return secrets.token_hex(16) + Path(upload.filename).suffix.lower()


def note(session, names):
    """Look at these files when the transaction ends."""
    session.info.setdefault("files", set()).update(filter(None, names))


class UploadField(FileUploadField):
    def _save_file(self, data, filename):
        # Without a transaction there is no end of one to clean up at.
        if not db.session.in_transaction():
            db.session.begin()
        note(db.session, [filename])
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
    state = inspect(document)
    note(state.session, state.attrs.filename.history.deleted)


@event.listens_for(Document, "before_delete")
def note_delete(mapper, connection, document):
    # A commit has expired what the bulk action loaded: ask the row for its name.
    state = inspect(document)
    note(state.session, state.attrs.filename.load_history().sum())


def remove(names):
    """Remove the files that no row names. Needs an application context."""
    query = select(Document.filename).where(Document.filename.in_(names))
    with db.engine.connect() as connection:
        kept = set(connection.scalars(query))
    for name in names - kept:
        Path(folder(), name).unlink(missing_ok=True)


def after_transaction_end(session, transaction):
    if transaction.parent is None and (names := session.info.pop("files", None)):
        try:
            remove(names)
        except SQLAlchemyError:
            current_app.logger.exception("Files are left to the sweep.")


def handle_error(context):
    # A COMMIT without an answer may still succeed: leave its files to the sweep.
    if context.is_disconnect:
        db.session.info.pop("files", None)


def sweep(age=86_400):
    """Remove the files older than a day that no row names."""
    for path in Path(folder()).glob("*"):
        if time() - path.stat().st_mtime >= age:
            remove({path.name})


# endregion session


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
    # region app
    app.config.setdefault("UPLOAD_FOLDER", f"{app.instance_path}/uploads")
    app.config["MAX_CONTENT_LENGTH"] = 2**20
    with app.app_context():
        event.listen(db.sessionmaker, "after_transaction_end", after_transaction_end)
        event.listen(db.engine, "handle_error", handle_error)
    app.cli.command("sweep-uploads")(sweep)
    # endregion app
    with app.app_context():
        Base.metadata.create_all(db.engine)

    admin = Admin(app)
    # region add
    admin.add_view(DocumentView(Document, db.session))
    # endregion add
    return app
