"""Customers live in one database, archived invoices in another, one admin shows both.

.. testcode::

    from snippets.recipes.several_databases import create_app

    engines = {"default": "sqlite://", "archive": "sqlite://"}
    client = create_app({"SQLALCHEMY_ENGINES": engines}).test_client()
    print("Analytical Engines" in client.get("/admin/customer/").text)
    print("1843-001" in client.get("/admin/invoice/").text)

.. testoutput::

    True
    True
"""

import os

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from snippets.workarounds.lazy_session import LazySession


class SecureView(ModelView):
    form_base_class = SecureForm


# region recipe
class Base(DeclarativeBase):
    pass


class ArchiveBase(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Invoice(ArchiveBase):
    __tablename__ = "invoice"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str]


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    archive = os.environ.get("ARCHIVE_URL", "sqlite:///archive.db")
    app.config["SQLALCHEMY_ENGINES"] = {
        **app.config["SQLALCHEMY_ENGINES"],
        "archive": archive,
    }
    app.config.from_mapping(config)
    # Made here because `binds` can serve one application only.
    db = SQLAlchemy(app, session_options={"binds": {ArchiveBase: "archive"}})
    with app.app_context():
        Base.metadata.create_all(db.engine)
        ArchiveBase.metadata.create_all(db.get_engine("archive"))
        seed(db.session)

    session = LazySession(db)
    admin = Admin(app)
    admin.add_view(SecureView(Customer, session))
    admin.add_view(SecureView(Invoice, session))
    return app


# endregion recipe


def seed(session):
    if session.get(Customer, 1) is None:
        session.add(Customer(name="Analytical Engines"))
        session.add(Invoice(number="1843-001"))
        session.commit()
