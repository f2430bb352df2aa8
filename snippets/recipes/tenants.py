"""Each account sees and changes the rows of its own tenant, on every route.

.. testcode::

    from werkzeug.security import generate_password_hash

    from snippets.recipes.tenants import Account, create_app, db

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    with app.app_context():
        hashed = generate_password_hash("testing")
        db.session.add(Account(name="ada", password_hash=hashed, tenant_id=1))
        db.session.commit()
    page = app.test_client().get("/admin/invoice/", auth=("ada", "testing")).text
    print("N-1" in page, "S-1" in page)

.. testoutput::

    True False
"""

import click
from flask import Flask, Response
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.ajax import QueryAjaxModelLoader
from flask_admin.form import SecureForm
from flask_login import LoginManager, UserMixin, current_user
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from werkzeug.security import check_password_hash, generate_password_hash

from snippets.recipes.protected_admin import AdminOnly, ProtectedIndex
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()
login_manager = LoginManager()


class Base(DeclarativeBase):
    pass


class Tenant(Base):
    __tablename__ = "tenant"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


# region owned
class Owned:
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"))


# endregion owned


class Account(UserMixin, Owned, Base):
    __tablename__ = "tenant_account"
    is_admin = True

    name: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]


class Customer(Owned, Base):
    __tablename__ = "tenant_customer"

    name: Mapped[str]
    invoices: Mapped[list["Invoice"]] = relationship(back_populates="customer")

    def __str__(self):
        return self.name


class Product(Owned, Base):
    __tablename__ = "tenant_product"

    name: Mapped[str]

    def __str__(self):
        return self.name


class Invoice(Owned, Base):
    __tablename__ = "tenant_invoice"

    number: Mapped[str]
    customer_id: Mapped[int] = mapped_column(ForeignKey("tenant_customer.id"))
    customer: Mapped[Customer] = relationship(back_populates="invoices")
    lines: Mapped[list["Line"]] = relationship(
        back_populates="invoice", cascade="all, delete-orphan"
    )

    def __str__(self):
        return self.number


class Line(Base):
    __tablename__ = "tenant_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("tenant_invoice.id"))
    product_id: Mapped[int] = mapped_column(ForeignKey("tenant_product.id"))
    invoice: Mapped[Invoice] = relationship(back_populates="lines")
    product: Mapped[Product] = relationship()


@login_manager.request_loader
def load_account(request):
    given = request.authorization
    if given is None or given.type != "basic":
        return None
    found = db.session.scalar(select(Account).filter_by(name=given.username))
    if found and check_password_hash(found.password_hash, given.password):
        return found


@login_manager.unauthorized_handler
def ask_for_password():
    return Response("", 401, {"WWW-Authenticate": "Basic"})


@click.argument("name")
@click.argument("tenant", type=int)
@click.password_option()
def create_account(name, tenant, password):
    """Add an account of tenant 1 or 2; asks for its password."""
    hashed = generate_password_hash(password)
    db.session.add(Account(name=name, password_hash=hashed, tenant_id=tenant))
    db.session.commit()


# region recipe
def own(row):
    """``row`` if the tenant of the request owns it, else None."""
    return row if row and row.tenant_id == current_user.tenant_id else None


def own_products():
    owned = select(Product).filter_by(tenant_id=current_user.tenant_id)
    return db.session.scalars(owned)


class TenantView(AdminOnly, ModelView):
    """A view of a model that has a ``tenant_id`` column."""

    form_base_class = SecureForm

    def get_query(self):
        owner = self.model.tenant_id
        return super().get_query().filter(owner == current_user.tenant_id)

    def get_count_query(self):
        owner = self.model.tenant_id
        return super().get_count_query().filter(owner == current_user.tenant_id)

    def get_one(self, id):
        return own(super().get_one(id))

    def on_model_change(self, form, model, is_created):
        model.tenant_id = current_user.tenant_id


class TenantLoader(QueryAjaxModelLoader):
    def get_query(self):
        return super().get_query().filter_by(tenant_id=current_user.tenant_id)

    def get_one(self, pk):
        return self.get_query().filter_by(id=pk).one_or_none()


# endregion recipe


# region views
class CustomerView(TenantView):
    form_columns = ["name"]


class InvoiceView(TenantView):
    can_view_details = True
    can_export = True
    column_list = ["number", "customer"]
    column_searchable_list = ["number"]
    column_filters = ["number", "customer.name"]
    column_editable_list = ["number"]
    form_columns = ["number", "customer"]
    form_ajax_refs = {
        "customer": TenantLoader("customer", LazySession(db), Customer, fields=["name"])
    }
    inline_models = [
        (
            Line,
            {
                "form_columns": ["id", "product"],
                "form_args": {"product": {"query_factory": own_products}},
            },
        )
    ]


# endregion views


def seed(session):
    for letter, name in [("N", "North"), ("S", "South")]:
        tenant = Tenant(name=name)
        session.add(tenant)
        session.flush()
        customer = Customer(name=f"{name} Traders", tenant_id=tenant.id)
        product = Product(name=f"{name} wind", tenant_id=tenant.id)
        invoice = Invoice(number=f"{letter}-1", tenant_id=tenant.id, customer=customer)
        invoice.lines = [Line(product=product)]
        session.add(invoice)
    session.commit()


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    login_manager.init_app(app)
    app.cli.command("create-account")(create_account)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Tenant, 1) is None:
            seed(db.session)

    session = LazySession(db)
    admin = Admin(app, index_view=ProtectedIndex())
    admin.add_view(CustomerView(Customer, session))
    admin.add_view(InvoiceView(Invoice, session))
    return app
