"""Answer a refused commit with a sentence, and keep what was typed.

.. testcode::

    import re

    from snippets.recipes.integrity_errors import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    client = app.test_client()
    page = client.get("/admin/author/").text
    token = re.search('csrf_token".+?value="(.+?)"', page)[1]
    client.post("/admin/author/delete/", data={"csrf_token": token, "id": 1})
    page = client.get("/admin/author/").text
    print(re.search("Not done.+", page)[0])

.. testoutput::

    Not done: other rows refer to this one.
"""

from flask import Flask, current_app, flash
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, UniqueConstraint, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region models
class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "book_author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

    def __str__(self):
        return self.name


class Book(Base):
    __tablename__ = "catalogue"
    __table_args__ = (UniqueConstraint("author_id", "title"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    isbn: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("book_author.id"))
    author: Mapped[Author] = relationship()


# endregion models


# region recipe
class FriendlyErrors:
    """Put this before ``ModelView`` in the bases of a view."""

    # A part of what the database says, in small letters, and what to say instead.
    refusals = {
        "foreign key": "Not done: other rows refer to this one.",
        "unique": "Not done: another row has these values.",
    }

    def handle_view_exception(self, exc):
        if not isinstance(exc, IntegrityError):
            return super().handle_view_exception(exc)
        current_app.logger.warning("%s: %s", self.name, exc)
        said = str(exc.orig).lower()
        known = [text for part, text in self.refusals.items() if part in said]
        flash((*known, "Not done: the database refused this.")[0], "error")
        return True


def check_foreign_keys(connection, record):
    # SQLite leaves them unchecked unless each connection asks for it.
    connection.execute("PRAGMA foreign_keys = ON")


# endregion recipe


class AuthorView(FriendlyErrors, ModelView):
    form_base_class = SecureForm
    form_columns = ["name"]


class BookView(FriendlyErrors, ModelView):
    form_base_class = SecureForm
    form_columns = ["isbn", "title", "author"]
    column_editable_list = ["title"]


# region app
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        if db.engine.name == "sqlite":
            event.listen(db.engine, "connect", check_foreign_keys)
        Base.metadata.create_all(db.engine)
        if db.session.get(Author, 1) is None:
            ada = Author(name="Ada")
            db.session.add(Book(isbn="1", title="Notes", author=ada))
            db.session.add(Book(isbn="2", title="Letters", author=ada))
            db.session.commit()

    session = LazySession(db)
    admin = Admin(app)
    admin.add_view(AuthorView(Author, session))
    admin.add_view(BookView(Book, session))
    return app


# endregion app
