"""Edit the lines of an order in its form, with as many queries for 30 as for one.

.. testcode::

    from snippets.recipes.inline_models import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    page = client.get("/admin/order/edit/?id=1").text
    print([f'name="lines-{n}-quantity"' in page for n in range(3)])

.. testoutput::

    [True, True, False]
"""

from flask import Flask, g
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    mapped_column,
    relationship,
    selectinload,
)

from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "product"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

    def __str__(self):
        return self.name


# region models
class Order(Base):
    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str]
    lines: Mapped[list["Line"]] = relationship(
        back_populates="order", cascade="all, delete-orphan"
    )


class Line(Base):
    __tablename__ = "line"

    id: Mapped[int] = mapped_column(primary_key=True)
    quantity: Mapped[int]
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    order: Mapped[Order] = relationship(back_populates="lines")
    product_id: Mapped[int] = mapped_column(ForeignKey("product.id"))
    product: Mapped[Product] = relationship()


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

    def get_one(self, id):
        lines = selectinload(Order.lines).joinedload(Line.product)
        return self.session.get(Order, id, options=[lines])


# endregion recipe


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Order, 1) is None:
            pen, ink = Product(name="Pen"), Product(name="Ink")
            lines = [Line(product=pen, quantity=2), Line(product=ink, quantity=1)]
            db.session.add(Order(customer="Ada", lines=lines))
            lines = [Line(product=ink, quantity=9)]
            db.session.add(Order(customer="Grace", lines=lines))
            db.session.commit()

    admin = Admin(app)
    admin.add_view(OrderView(Order, LazySession(db)))
    return app
