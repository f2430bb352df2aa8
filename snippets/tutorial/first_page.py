"""An admin with one model, one database and one page that lists its rows.

.. testcode::

    from snippets.tutorial.first_page import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    page = client.get("/admin/author/")
    print(page.status)
    print("There are no items in the table." in page.text)

.. testoutput::

    200 OK
    True
"""

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
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
    can_create = can_edit = can_delete = False


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping(SQLALCHEMY_ENGINES={"default": "sqlite:///library.db"})
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)

    admin = Admin(app, name="Library")
    session = LazySession(db)
    admin.add_view(LibraryView(Author, session))
    return app
