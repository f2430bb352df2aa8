"""Keep models and code of Flask-SQLAlchemy in an application that moves to Lite.

.. testcode::

    from tempfile import TemporaryDirectory

    from snippets.recipes.side_by_side import create_app
    from snippets.request_scoping import Probe

    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/guide.db"
        app = create_app({"SQLALCHEMY_ENGINES": {"default": url}})
        client = app.test_client()
        with Probe(app) as probe:
            print(client.get("/shelf").json)
            client.get("/admin/book/")
        print(probe)

.. testoutput::

    {'authors': ['Ada'], 'books': ['Notes']}
    GET /shelf: session 1, 0 connections kept
    GET /admin/book/: session 2, 0 connections kept
"""

import flask_sqlalchemy
import flask_sqlalchemy_lite
from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from snippets.workarounds.lazy_session import LazySession


# region recipe
class Base(DeclarativeBase):
    pass


new = flask_sqlalchemy_lite.SQLAlchemy()
old = flask_sqlalchemy.SQLAlchemy(metadata=Base.metadata)
old.session = LazySession(new)
# endregion recipe


# region models
class Author(Base):
    __tablename__ = "moved_author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    books: Mapped[list["Book"]] = relationship(
        lambda: Book, back_populates="author", cascade="all, delete-orphan"
    )

    def __str__(self):
        return self.name


class Book(old.Model):
    __tablename__ = "unmoved_book"

    id = old.Column(old.Integer, primary_key=True)
    title = old.Column(old.String, nullable=False)
    author_id = old.Column(old.ForeignKey("moved_author.id"), nullable=False)
    author = old.relationship(Author, back_populates="books")

    def __str__(self):
        return self.title


# endregion models


class AuthorView(ModelView):
    form_base_class = SecureForm
    form_columns = ["name", "books"]


class BookView(ModelView):
    form_base_class = SecureForm
    form_columns = ["title", "author"]


# region app
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    new.init_app(app)
    with app.app_context():
        Base.metadata.create_all(new.engine)
        if Book.query.first() is None:
            old.session.add(Book(title="Notes", author=Author(name="Ada")))
            old.session.commit()

    @app.get("/shelf")
    def shelf():
        authors = new.session.scalars(select(Author.name))
        return {"authors": list(authors), "books": [b.title for b in Book.query]}

    admin = Admin(app)
    admin.add_view(AuthorView(Author, LazySession(new)))
    admin.add_view(BookView(Book, old.session))
    return app


# endregion app


# region both
def init_both(app):
    """Register both libraries, each with an engine and sessions of its own."""
    old = flask_sqlalchemy.SQLAlchemy(app, add_models_to_shell=False)
    app.extensions["flask-sqlalchemy"] = app.extensions.pop("sqlalchemy")
    return old, flask_sqlalchemy_lite.SQLAlchemy(app)


# endregion both
