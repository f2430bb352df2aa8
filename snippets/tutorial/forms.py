"""The same admin with forms that carry a CSRF token: create, edit and delete.

.. testcode::

    from snippets.tutorial.forms import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print('name="csrf_token"' in client.get("/admin/author/new/").text)

    client.post("/admin/author/new/", data={"name": "Ada"})
    print("Ada" in client.get("/admin/author/").text)

.. testoutput::

    True
    False
"""

import os
import secrets

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)

    def __str__(self):
        return self.name


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
    admin.add_view(LibraryView(Author, session))
    return app
