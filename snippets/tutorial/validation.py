"""Wrong input and duplicates get an answer that a reader of the page understands.

.. testcode::

    from snippets.tutorial.validation import BookView

    (validator,) = BookView.form_args["year"]["validators"]
    print(type(validator).__name__, validator.min, validator.max)

.. testoutput::

    NumberRange 1000 2100
"""

import os
import secrets

from flask import Flask, flash
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from wtforms.validators import NumberRange

db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    books: Mapped[list["Book"]] = relationship(
        back_populates="author", cascade="all, delete-orphan"
    )

    def __str__(self):
        return self.name


class Book(Base):
    __tablename__ = "book"
    __table_args__ = (UniqueConstraint("author_id", "title"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    year: Mapped[int | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")

    def __str__(self):
        return self.title


class LazySession:
    """Stand in for the session of the request that is being served."""

    def __init__(self, db):
        self.db = db

    @property
    def session(self):
        return self

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.db.session, name)


class LibraryView(ModelView):
    form_base_class = SecureForm

    def handle_view_exception(self, exc):
        if isinstance(exc, IntegrityError):
            flash("Not saved: there is such an entry already.", "error")
            return True
        return super().handle_view_exception(exc)


class AuthorView(LibraryView):
    form_columns = ["name"]


class BookView(LibraryView):
    column_list = ["title", "author", "year"]
    column_searchable_list = ["title", "author.name"]
    column_filters = ["year", "author.name"]
    column_labels = {"author.name": "Author"}
    form_columns = ["title", "author", "year"]
    form_args = {"year": {"validators": [NumberRange(1000, 2100)]}}
    form_ajax_refs = {"author": {"fields": ["name"]}}


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping(
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
        SQLALCHEMY_ENGINES={"default": "sqlite:///library.db"},
    )
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)

    admin = Admin(app, name="Library")
    session = LazySession(db)
    admin.add_view(AuthorView(Author, session))
    admin.add_view(BookView(Book, session))
    return app
