"""Edit the lines of an order in its form, with as many queries for 30 as for one.

.. testcode::

    from snippets.recipes.inline_models import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    page = client.get("/admin/order/edit/?id=1").text
    print([f'name="lines-{n}-quantity"' in page for n in range(3)])

.. testoutput::

    [True, True, False]
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, g, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
)
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


# region models
class Product(Base):
    __tablename__ = "inline_models_product"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))

    def __str__(self):
        return self.name


class Order(Base):
    __tablename__ = "inline_models_order"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str] = mapped_column(String(100))
    lines: Mapped[list["Line"]] = relationship(
        back_populates="order", cascade="all, delete-orphan"
    )


class Line(Base):
    __tablename__ = "inline_models_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    quantity: Mapped[int]
    order_id: Mapped[int] = mapped_column(ForeignKey(Order.id))
    order: Mapped[Order] = relationship(back_populates="lines")
    product_id: Mapped[int] = mapped_column(ForeignKey(Product.id))
    product: Mapped[Product] = relationship(lazy="joined", innerjoin=True)


# endregion models


# region recipe
def products():
    """All products, read once in a request. Needs an application context."""
    if "products" not in g:
        g.products = db.session.scalars(select(Product).order_by(Product.name)).all()
    return g.products


class OrderView(ModelView):
    form_base_class = SecureForm
    form_columns = ["customer"]
    inline_models = [
        (
            Line,
            {
                "form_columns": ["id", "product", "quantity"],
                "form_args": {"product": {"query_factory": products}},
            },
        )
    ]


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
        if db.session.get(Order, 1) is None:
            pen, ink = Product(name="Pen"), Product(name="Ink")
            for customer, line in [
                ("Ada", [(pen, 2), (ink, 1)]),
                ("Grace", [(ink, 9)]),
            ]:
                lines = [Line(product=product, quantity=n) for product, n in line]
                db.session.add(Order(customer=customer, lines=lines))
                db.session.flush()
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_view(OrderView(Order, db.session))
    # endregion add
    return app
