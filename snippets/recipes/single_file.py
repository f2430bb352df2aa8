"""A whole admin in one file, which needs nothing else from this guide.

.. testcode::

    from snippets.recipes.single_file import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    print("A first item" in app.test_client().get("/admin/item/").text)

.. testoutput::

    True
"""

# region recipe
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


class Item(Base):
    __tablename__ = "item"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class LazySession:
    def __init__(self, db):
        self.db = db

    @property
    def session(self):
        return self

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.db.session, name)


class ItemView(ModelView):
    form_base_class = SecureForm


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
        if db.session.get(Item, 1) is None:
            db.session.add(Item(name="A first item"))
            db.session.commit()

    admin = Admin(app)
    admin.add_view(ItemView(Item, LazySession(db)))
    return app


# endregion recipe
