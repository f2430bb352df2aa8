"""Write to other tables from a hook, in the transaction of the view.

.. testcode::

    import re

    from snippets.recipes.request_transaction import create_app

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

from flask import Flask, current_app
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, inspect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from wtforms.validators import ValidationError

from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "priced_product"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str | None]
    name: Mapped[str] = mapped_column(unique=True)
    price: Mapped[int]


class PriceChange(Base):
    __tablename__ = "price_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("priced_product.id"))
    product: Mapped[Product] = relationship()
    old: Mapped[int | None]
    new: Mapped[int]


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
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Product, 1) is None:
            db.session.add(Product(code="P-0001", name="Lamp", price=10))
            db.session.commit()

    admin = Admin(app)
    admin.add_view(ProductView(Product, LazySession(db)))
    return app
