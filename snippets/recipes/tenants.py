"""Each account sees and changes the rows of its own tenant, on every route.

.. testcode::

    from snippets.recipes.tenants import Account, Tenant, create_app, db

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    with app.app_context():
        north = db.session.get(Tenant, 1)
        ada = Account(name="ada", password_hash="", tenant=north)
        db.session.add(ada)
        db.session.commit()
        token = ada.token
    client = app.test_client()
    print(client.get("/admin/invoice/").status)
    with client.session_transaction() as browser_session:
        browser_session["_user_id"] = token
    page = client.get("/admin/invoice/").text
    print("N-1" in page, "S-1" in page)

.. testoutput::

    302 FOUND
    True False
"""

import os
import re
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

import click
from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    flash,
    has_app_context,
    redirect,
    render_template_string,
    request,
    url_for,
)
from flask import session as browser_session
from flask_admin import Admin
from flask_admin.actions import action
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.ajax import QueryAjaxModelLoader
from flask_admin.contrib.sqla.fields import QuerySelectField
from flask_admin.form import SecureForm
from flask_admin.menu import MenuLink
from flask_admin.model.fields import AjaxSelectField, InlineFieldList
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Column, ForeignKey, String, Table, UniqueConstraint, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    validates,
)
from werkzeug.local import LocalProxy
from werkzeug.security import check_password_hash, generate_password_hash
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired


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


# region owned
class Tenant(Base):
    __tablename__ = "tenants_tenant"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)


class Owned:
    """A row that belongs to a tenant."""

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants_tenant.id"))


# endregion owned


# region account
class Account(UserMixin, Base):
    __tablename__ = "tenants_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    token: Mapped[str] = mapped_column(String(64), unique=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenants_tenant.id"))
    tenant: Mapped[Tenant] = relationship()

    @validates("password_hash")
    def renew_token(self, key, value):
        # A new password ends the sessions that were opened with the old one.
        self.token = secrets.token_hex()
        return value

    def get_id(self):
        # Not the id: a database can give that to the next account.
        return self.token


# endregion account


# region models
class Customer(Owned, Base):
    __tablename__ = "tenants_customer"

    name: Mapped[str] = mapped_column(String(80))
    invoices: Mapped[list["Invoice"]] = relationship(back_populates="customer")
    # Without this side, a deleted customer stays a copy: SQLite reuses its id.
    copied_on: Mapped[list["Invoice"]] = relationship(
        secondary="tenants_invoice_copy", back_populates="copies"
    )

    def __str__(self):
        return self.name


class Product(Owned, Base):
    __tablename__ = "tenants_product"

    name: Mapped[str] = mapped_column(String(80))

    def __str__(self):
        return self.name


invoice_copy = Table(
    "tenants_invoice_copy",
    Base.metadata,
    Column("invoice_id", ForeignKey("tenants_invoice.id"), primary_key=True),
    Column("customer_id", ForeignKey("tenants_customer.id"), primary_key=True),
)


class Invoice(Owned, Base):
    __tablename__ = "tenants_invoice"
    # Not unique=True: its message would tell what another tenant has.
    __table_args__ = (UniqueConstraint("tenant_id", "number"),)

    number: Mapped[str] = mapped_column(String(20))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("tenants_customer.id"))
    customer: Mapped[Customer | None] = relationship(back_populates="invoices")
    copies: Mapped[list[Customer]] = relationship(
        secondary=invoice_copy, back_populates="copied_on"
    )
    lines: Mapped[list["Line"]] = relationship(
        back_populates="invoice", cascade="all, delete-orphan"
    )

    def __str__(self):
        return self.number


class Line(Base):
    __tablename__ = "tenants_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    invoice_id: Mapped[int] = mapped_column(ForeignKey("tenants_invoice.id"))
    invoice: Mapped[Invoice] = relationship(back_populates="lines")
    product_id: Mapped[int | None] = mapped_column(ForeignKey("tenants_product.id"))
    product: Mapped[Product | None] = relationship()


# endregion models


# region login
auth = Blueprint("auth", __name__, cli_group=None)
login_manager = LoginManager()
login_manager.login_view = "auth.login"
NOBODY = generate_password_hash(secrets.token_hex())
PAGE = """<!doctype html>
<html lang="en">
<title>Account</title>
{% for message in get_flashed_messages() %}<p>{{ message }}</p>{% endfor %}
{% for messages in form.errors.values() %}<p>{{ messages | join }}</p>{% endfor %}
<form method="post"
{%- if current_user.is_authenticated %} action="{{ url_for('auth.logout') }}">
  {{ form.csrf_token }}
  <button>Log out {{ current_user.name }}</button>
{% else %}>
  {{ form.csrf_token }}
  {{ form.name.label }} {{ form.name }}
  {{ form.password.label }} {{ form.password }}
  <button>Log in</button>
{% endif %}
</form>
</html>
"""


class LoginForm(SecureForm):
    name = StringField(validators=[InputRequired()])
    password = PasswordField(validators=[InputRequired()])


def is_path(target):
    """Whether an address is a path, which cannot lead to another site."""
    # Browsers read //host and /\host as another site, and drop tabs and newlines.
    return re.fullmatch(r"/(?![/\\])[^\s\\]*", target)


@login_manager.user_loader
def load_account(token):
    return db.session.scalar(select(Account).filter_by(token=token))


@auth.before_app_request
def protect_admin():
    """Let nobody into a view of the admin without a login."""
    # Each view is a blueprint. Flask-Admin lists its views nowhere else.
    admins = current_app.extensions["admin"]
    names = {view.endpoint for admin in admins for view in admin._views}
    if request.blueprint in names:
        if not current_user.is_authenticated:
            return login_manager.unauthorized()
        # Flask-Admin's own check takes http:/elsewhere.example for a path.
        if not is_path(request.values.get("url", "/")):
            abort(400)


@auth.route("/login", methods=["GET", "POST"])
def login():
    form = LoginForm(request.form)
    if request.method == "POST" and form.validate():
        found = db.session.scalar(select(Account).filter_by(name=form.name.data))
        # A name that does not exist has to take as long: the time would tell.
        hashed = found.password_hash if found else NOBODY
        if check_password_hash(hashed, form.password.data) and found:
            # Somebody else may know the token of this session's forms.
            browser_session.clear()
            login_user(found)
            target = request.args.get("next", "")
            return redirect(target if is_path(target) else url_for("admin.index"))
        flash("The name or the password is wrong.")
    return render_template_string(PAGE, form=form)


@auth.post("/logout")
def logout():
    if SecureForm(request.form).validate():
        browser_session.clear()
        # After it: this also marks the cookie of a remembered login to be deleted.
        logout_user()
    return redirect(url_for("auth.login"))


@auth.cli.command("create-account")
@click.argument("name")
@click.argument("tenant")
@click.password_option()
def create_account(name, tenant, password):
    """Add an account, or change the one of that name."""
    found = db.session.scalar(select(Account).filter_by(name=name))
    account = found or Account(name=name)
    owner = db.session.scalar(select(Tenant).filter_by(name=tenant))
    account.tenant = owner or Tenant(name=tenant)
    account.password_hash = generate_password_hash(password)
    db.session.add(account)
    db.session.commit()


# endregion login


# region recipe
def found_all(form):
    """Whether each relation found every row that the request names for it."""
    complete = True
    for field in form:
        if isinstance(field, InlineFieldList):
            complete = all([found_all(entry.form) for entry in field]) and complete
        elif isinstance(field, AjaxSelectField | QuerySelectField):
            keys = {key for value in field.raw_data or [] for key in value.split(",")}
            rows = field.data if isinstance(field.data, list) else [field.data]
            if len(keys - {"", "__None"}) > sum(row is not None for row in rows):
                # Flask-Admin would save the rest, or empty the relation.
                field.errors = [*field.errors, field.gettext("Not a valid choice")]
                complete = False
    return complete


def is_id(text):
    """Whether a request can mean a row by it; Python and databases have a limit."""
    return text.isdecimal() and len(text) < 10


class TenantView(ModelView):
    """A view of a model that has a ``tenant_id``."""

    form_base_class = SecureForm

    def get_query(self):
        owner = self.model.tenant_id
        return super().get_query().filter(owner == current_user.tenant_id)

    def get_count_query(self):
        owner = self.model.tenant_id
        return super().get_count_query().filter(owner == current_user.tenant_id)

    def get_one(self, id):
        found = super().get_one(id)
        return found if found and found.tenant_id == current_user.tenant_id else None

    def validate_form(self, form):
        return super().validate_form(form) and found_all(form)

    def on_model_change(self, form, model, is_created):
        model.tenant_id = current_user.tenant_id

    @action("delete", "Delete", "Are you sure you want to delete selected records?")
    def action_delete(self, ids):
        # PostgreSQL compares no number with text.
        super().action_delete([int(id) for id in ids if is_id(str(id))])


class TenantLoader(QueryAjaxModelLoader):
    def get_query(self):
        return super().get_query().filter_by(tenant_id=current_user.tenant_id)

    def get_one(self, pk):
        # What is not offered is not accepted. PostgreSQL wants a number, not its text.
        if is_id(pk):
            return self.get_query().filter_by(id=int(pk)).one_or_none()


# endregion recipe


# region views
def own_products():
    owned = select(Product).filter_by(tenant_id=current_user.tenant_id)
    return db.session.scalars(owned)


class CustomerView(TenantView):
    form_columns = ["name"]


class InvoiceView(TenantView):
    can_view_details = True
    can_export = True
    column_list = ["number", "customer"]
    column_searchable_list = ["number"]
    column_filters = ["number", "customer.name"]
    column_editable_list = ["number"]
    form_columns = ["number", "customer", "copies"]
    form_ajax_refs = {
        name: TenantLoader(name, db.session, Customer, fields=["name"])
        for name in ["customer", "copies"]
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
        invoice.copies = [customer]
        invoice.lines = [Line(product=product)]
        session.add(invoice)
        session.flush()
    session.commit()


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
    # region app
    login_manager.init_app(app)
    app.register_blueprint(auth)
    # endregion app
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Tenant, 1) is None:
            seed(db.session)

    admin = Admin(app)
    # region add
    admin.add_view(CustomerView(Customer, db.session))
    admin.add_view(InvoiceView(Invoice, db.session))
    admin.add_link(MenuLink("Account", endpoint="auth.login"))
    # endregion add
    return app
