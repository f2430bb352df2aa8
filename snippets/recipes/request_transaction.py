"""Write to other tables from a hook, in the transaction of the view.

.. testcode::

    import re

    from snippets.recipes.request_transaction import PriceChange, create_app, db

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    client = app.test_client()

    def save(path, **data):
        token = re.search('csrf_token".+?value="(.+?)"', client.get(path).text)[1]
        client.post(path, data={"csrf_token": token} | data)

    save("/admin/product/new/", name="Desk", price=90)
    save("/admin/product/edit/?id=2", name="Desk", price=95)
    save("/admin/product/edit/?id=2", name="Desk", price=-1)
    with app.app_context():
        for change in db.session.query(PriceChange):
            print(change.product.code, change.old, change.new)

.. testoutput::

    P-0002 None 90
    P-0002 90 95
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, current_app, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, String, inspect
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from werkzeug.local import LocalProxy
from wtforms.validators import ValidationError


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


# region models
class Product(Base):
    __tablename__ = "request_transaction_product"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str | None] = mapped_column(String(20))
    name: Mapped[str] = mapped_column(String(100), unique=True)
    price: Mapped[int]
    # Of two saves at the same moment one fails: both would note one old price.
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}


class PriceChange(Base):
    __tablename__ = "request_transaction_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(
        ForeignKey("request_transaction_product.id")
    )
    product: Mapped[Product] = relationship()
    old: Mapped[int | None]
    new: Mapped[int]


# endregion models


# region recipe
class ProductView(ModelView):
    form_base_class = SecureForm
    form_columns = ["name", "price"]
    column_editable_list = ["price"]

    def on_model_change(self, form, model, is_created):
        # Before anything else: a flush, and so any query, forgets the old value.
        old = inspect(model).attrs.price.history.deleted
        if is_created:
            # The database gives the id now. The commit is the view's.
            db.session.flush()
            model.code = f"P-{model.id:04}"
        if is_created or old:
            change = PriceChange(product=model, new=model.price)
            change.old = old[0] if old else None
            db.session.add(change)
        if model.price < 0:
            # The view rolls all of it back and shows the message.
            raise ValidationError("A price is not negative.")

    def after_model_change(self, form, model, is_created):
        # The row is committed: the place for mails and jobs, not for writing.
        current_app.logger.info("%s costs %s", model.code, model.price)


# endregion recipe


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
        if db.session.get(Product, 1) is None:
            db.session.add(Product(code="P-0001", name="Lamp", price=10))
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_view(ProductView(Product, db.session))
    # endregion add
    return app
