"""An admin with holes that are planted one by one, for the suite that looks for them.

Without a hole it is closed: two tenants, a reader, and an account that may do nothing.
"""

import secrets
from pathlib import Path

from flask import (
    Flask,
    abort,
    current_app,
    g,
    redirect,
    render_template_string,
    request,
)
from flask import session as browser_session
from flask_admin import Admin, AdminIndexView, BaseView, expose
from flask_admin.actions import action
from flask_admin.contrib.fileadmin import FileAdmin
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.ajax import QueryAjaxModelLoader
from flask_admin.form import BaseForm, FileUploadField, SecureForm
from sqlalchemy import ForeignKey, String, UniqueConstraint, or_, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from werkzeug.utils import secure_filename

from snippets.workarounds.proxy_sqlalchemy import ProxySQLAlchemy

FORM = '<form method="post">{{ form.csrf_token }}</form>'
db = ProxySQLAlchemy()


class Base(DeclarativeBase):
    pass


class Tenant(Base):
    __tablename__ = "tenant"

    id: Mapped[int] = mapped_column(primary_key=True)


class Owned:
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"))


class Account(Base):
    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(20))
    role: Mapped[str] = mapped_column(String(20))
    token: Mapped[str] = mapped_column(String(64), default=secrets.token_hex)
    tenant_id: Mapped[int | None] = mapped_column(ForeignKey("tenant.id"))


class Customer(Owned, Base):
    __tablename__ = "customer"

    name: Mapped[str] = mapped_column(String(80))
    note: Mapped[str] = mapped_column(String(40))

    def __str__(self):
        return self.name


class Invoice(Owned, Base):
    __tablename__ = "invoice"
    __table_args__ = (UniqueConstraint("tenant_id", "number"),)

    number: Mapped[str] = mapped_column(String(20))
    margin: Mapped[str] = mapped_column(String(20), default="")
    archived: Mapped[bool] = mapped_column(default=False)
    scan: Mapped[str | None] = mapped_column(String(80))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    customer: Mapped[Customer | None] = relationship()
    lines: Mapped[list["Line"]] = relationship(
        back_populates="invoice", cascade="all, delete-orphan"
    )

    def __str__(self):
        return self.number


class Line(Base):
    __tablename__ = "line"

    id: Mapped[int] = mapped_column(primary_key=True)
    words: Mapped[str] = mapped_column(String(20))
    invoice_id: Mapped[int] = mapped_column(ForeignKey("invoice.id"))
    invoice: Mapped[Invoice] = relationship(back_populates="lines")


def seed():
    """The rows of two tenants; return those of each."""
    found = []
    for number, name in enumerate(["North", "South"], 1):
        tenant = Tenant(id=number)
        customer = Customer(name=f"{name} Traders", tenant_id=number)
        customer.note = f"a-note-on-{name}-that-nobody-sees"
        # No relation says that the customer needs its tenant first.
        db.session.add(tenant)
        db.session.flush()
        db.session.add(customer)
        db.session.flush()
        invoice = Invoice(number=f"{name[0]}-1", margin=f"margin{number}")
        invoice.tenant_id, invoice.customer = number, customer
        if "no lines" not in current_app.config["HOLES"]:
            invoice.lines = [Line(words=f"{name} wind")]
            if number == 1:
                # Its id is the one that rows of the other tenant have elsewhere.
                invoice.lines.append(Line(words="Snow"))
        db.session.add(invoice)
        db.session.flush()
        found.append([tenant, customer, invoice, *invoice.lines])
    # A customer with an invoice cannot be deleted on every database.
    lone = Customer(name="Lone Traders", tenant_id=1, note="a-note-on-a-lone-one")
    db.session.add(lone)
    found[0].insert(0, lone)
    for name, role, tenant in [
        ("ada", "editor", 1),
        ("sam", "editor", 2),
        ("rea", "reader", 1),
        ("eve", "", None),
    ]:
        db.session.add(Account(name=name, role=role, tenant_id=tenant))
    db.session.commit()
    return found


def account():
    """The account of the request, or None."""
    if "account" not in g:
        id, _, token = browser_session.get("account", "").partition(" ")
        holes, known = current_app.config["HOLES"], {"id": int(id or 0)}
        if "reused id" not in holes:
            known["token"] = token
        g.account = db.session.scalar(select(Account).filter_by(**known))
        if token and "trusted cookie" in holes:
            # It looks nobody up, so nobody is ever deleted.
            g.account = Account(role="editor", tenant_id=1)
    return g.account


def mine():
    return account().tenant_id


def is_path(target):
    return target.startswith("/") and target[1:2] not in ("/", "\\", "\t")


def create_app(config, holes=()):
    app = Flask(__name__)
    app.config.from_mapping(config, HOLES=holes)
    db.init_app(app)

    @app.route("/login")
    def login():
        return render_template_string(FORM, form=SecureForm())

    class Closed:
        form_base_class = SecureForm

        def is_accessible(self):
            if request.endpoint == "invoice.paper" and "open endpoint" in holes:
                return True
            found = account()
            if found is None or not found.role:
                return "no roles" in holes and found is not None
            if found.role == "reader" and "writing reader" not in holes:
                return request.method in ("GET", "HEAD", "OPTIONS")
            return True

        def inaccessible_callback(self, name, **kwargs):
            abort(403) if account() else None
            return redirect("/login")

        def _handle_view(self, name, **kwargs):
            refused = super()._handle_view(name, **kwargs)
            if refused is not None:
                return refused
            asked = request.args if "redirect by form" in holes else request.values
            if "redirect" not in holes and not is_path(asked.get("url", "/")):
                abort(400)

    class Own(Closed, ModelView):
        def get_query(self):
            return super().get_query().filter_by(tenant_id=mine())

        def get_count_query(self):
            query = super().get_count_query()
            owned = self.model.tenant_id == mine()
            return query if "count" in holes else query.filter(owned)

        def get_one(self, id):
            found = super().get_one(id)
            if "guessed id" in holes or (
                "list edit" in holes and request.endpoint.endswith("ajax_update")
            ):
                return found
            if "checked address" in holes and "id" in request.args:
                # What is deleted is named by the form.
                seen = super().get_one(request.args["id"])
                return found if seen and seen.tenant_id == mine() else None
            return found if found and found.tenant_id == mine() else None

        def on_model_change(self, form, model, is_created):
            if not {"chosen tenant", "any field"} & {*holes}:
                model.tenant_id = mine()

        def action_form(self):
            return (
                BaseAction(request.form)
                if "bare action" in holes
                else super().action_form()
            )

        def delete_form(self):
            return (
                BaseDelete(request.form)
                if "bare delete" in holes
                else super().delete_form()
            )

    class Loader(QueryAjaxModelLoader):
        def get_query(self):
            query = super().get_query()
            return query if "lookup" in holes else query.filter_by(tenant_id=mine())

        def get_list(self, term, offset=0, limit=10):
            if "injection" in holes:
                found = self.get_query().filter(text(f"customer.name LIKE '%{term}%'"))
                return found.all()
            return super().get_list(term, offset, limit)

        def get_one(self, pk):
            found = super().get_one(int(pk) if pk.isdecimal() else 0)
            if "relation" in holes or (found and found.tenant_id == mine()):
                return found

    anything = {"page upload", "page by another name", "page by its type"} & {*holes}

    class InvoiceView(Own):
        can_view_details = True
        can_export = True
        column_list = ["number", "customer"]
        column_details_list = [*column_list, *["margin"] * ("shown" in holes)]
        column_searchable_list = ["number", *["margin"] * ("search" in holes)]
        column_filters = ["number", *["margin"] * ("filter" in holes)]
        column_editable_list = ["number"]
        form_columns = ["number", "customer", "scan"]
        form_ajax_refs = {
            "customer": Loader(
                "customer",
                db.session,
                Customer,
                fields=["name", *["note"] * ("secret lookup" in holes)],
            )
        }
        form_extra_fields = {
            "scan": FileUploadField(
                base_path=lambda: app.config["UPLOADS"],
                allowed_extensions=None if anything else ["txt"],
                validators=[Kind(holes)],
                namegen=lambda row, upload: name_of(upload, holes),
            )
        }
        if "chosen tenant" in holes:
            form_columns.append("tenant_id")
        if "default sort" in holes:
            column_default_sort = "margin"
        if "sort" in holes:
            column_sortable_list = [("number", ("margin",))]
        inline_models = [(Line, {"form_columns": ["id", "words"]})]

        def validate_form(self, form):
            field = getattr(form, "customer", None)
            asked = field is not None and any(field.raw_data or [])
            if super().validate_form(form):
                if asked and field.data is None:
                    field.errors = ["Not a valid choice"]
                    return False
                return True
            return False

        def update_model(self, form, model):
            if "any field" in holes and (id := request.form.get("tenant_id")):
                model.tenant_id = int(id) if id.isdecimal() else mine()
            saved = super().update_model(form, model)
            if "inline rows" in holes and (id := request.form.get("lines-0-id")):
                # Whoever it belongs to.
                if found := db.session.get(Line, id):
                    found.invoice = model
                db.session.commit()
            return saved

        def get_list(self, *args, **kwargs):
            count, rows = super().get_list(*args, **kwargs)
            if "export" in holes and request.endpoint.endswith(".export"):
                rows = list(db.session.scalars(select(Invoice)))
                # The session has ended when the answer is written.
                _ = [invoice.customer.name for invoice in rows]
            return count, rows

        def get_export_name(self, export_type):
            return f"invoices.{export_type}"

        def archive(self, id):
            if invoice := self.get_one(id):
                invoice.archived = True
                db.session.commit()

        @expose("/archive/", methods=["GET", "POST"])
        def archive_view(self):
            if request.method != "POST" and (
                request.method == "HEAD" or "writing get" not in holes
            ):
                return render_template_string(FORM, form=SecureForm())
            if "no form" in holes and request.is_json:
                self.archive(request.json["id"])
                abort(400)
            if request.method == "POST" and not self.passes():
                abort(400)
            self.archive(request.values.get("id"))
            target = request.values.get("next", "/")
            if "referrer" in holes:
                return redirect(request.referrer or "/")
            if "redirect by next" in holes or is_path(target):
                return redirect(target)
            abort(400)

        def passes(self):
            """Whether a request may change something."""
            token = request.form.get("csrf_token", "")
            sent = request.is_json or "csrf_token" in request.form
            return (
                "bare post" in holes
                or ("no token" in holes and not sent)
                or ("any token" in holes and "##" in token)
                or SecureForm(request.form).validate()
            )

        @expose("/paper/")
        def paper(self):
            return "A paper."

        @expose("/print/<int:id>/")
        def print_view(self, id):
            if "id in the address" in holes:
                found = db.session.get(Invoice, id)
            else:
                found = self.get_one(str(id))
            if "choices" in holes and found:
                return ", ".join(db.session.scalars(select(Customer.name)))
            return found.number if found else abort(404)

        @expose("/ping/", methods=["GET", "HEAD", "OPTIONS"])
        def ping(self):
            if request.method == "HEAD" and "writing head" in holes:
                self.archive(request.values.get("id"))
            if request.method == "OPTIONS" and "writing options" in holes:
                self.archive(request.values.get("id"))
            return "", 204

        @action("archive", "Archive")
        def action_archive(self, ids):
            ids = [int(id) for id in ids if id.isdecimal()]
            if "first row" in holes and ids and self.get_one(str(ids[0])):
                chosen = select(Invoice).filter(Invoice.id.in_(ids))
            elif "no ids" in holes and not ids:
                chosen = select(Invoice)
            else:
                chosen = self.get_query().filter(Invoice.id.in_(ids)).statement
            for invoice in db.session.scalars(chosen).all():
                invoice.archived = True
            db.session.commit()

    class CustomerView(Own):
        column_list = ["name"]
        form_columns = ["name", *["note"] * ("secret field" in holes)]

        def get_query(self):
            if "named owner" in holes and mine() == 2:
                named = Customer.name.startswith("South")
                owned = or_(Customer.tenant_id == mine(), named)
                return db.session.query(Customer).filter(owned)
            return super().get_query()

        def on_model_change(self, form, model, is_created):
            super().on_model_change(form, model, is_created)
            model.note = model.note or ""

    class BaseAction(BaseForm):
        """The form of an action, without a token."""

    class BaseDelete(BaseForm):
        """The form of a deletion, without a token."""

    class Index(Closed, AdminIndexView):
        pass

    class Report(*([] if "open view" in holes else [Closed]), BaseView):
        @expose("/")
        def index(self):
            return "A report."

    class Files(*([] if "open files" in holes else [Closed]), FileAdmin):
        form_base_class = BaseForm if "bare files" in holes else SecureForm
        allowed_extensions = None if "page files" in holes else ["txt"]
        # A text may get the name of a page.
        can_rename = "renamed page" in holes

    bare = ModelView(Invoice, db.session, endpoint="bare")
    BaseAction.action = bare.get_action_form().action
    BaseAction.url = bare.get_action_form().url
    BaseDelete.id = bare.get_delete_form().id
    BaseDelete.url = bare.get_delete_form().url

    if "unique" in holes:
        InvoiceView.form_args = {"number": {"validators": [Unique()]}}
    with app.app_context():
        Base.metadata.create_all(db.engine)
    admin = Admin(app, index_view=Index())
    if "no view" in holes:
        return app
    admin.add_view(InvoiceView(Invoice, db.session))
    admin.add_view(CustomerView(Customer, db.session))
    admin.add_view(Report())
    folder = Path(config["UPLOADS"]).parent / "files"
    folder.mkdir(exist_ok=True)
    (folder / "note.txt").write_text("A note.")
    admin.add_view(Files(folder))
    if "beside the views" in holes:
        app.add_url_rule("/admin/backup", "backup", lambda: "A backup.")
    return app


def name_of(upload, holes):
    """The name of the file that is saved."""
    if "upload path" in holes:
        return upload.filename
    own = "" if "replacing upload" in holes else secrets.token_hex(4)
    return f"{own}{secure_filename(upload.filename)}"


class Kind:
    """Takes what is no page, by lists that are too short."""

    def __init__(self, holes):
        self.holes = holes

    def __call__(self, form, field):
        name = getattr(field.data, "filename", "") or ""
        if "page by another name" in self.holes and name.endswith((".html", ".svg")):
            raise ValueError("A page.")
        is_text = not name or field.data.mimetype == "text/plain"
        if "page by its type" in self.holes and not is_text:
            raise ValueError("Not a text.")


class Unique:
    """Tells of a value that any tenant has."""

    def __call__(self, form, field):
        found = db.session.scalar(select(Invoice).filter_by(number=field.data))
        if found and found.tenant_id != mine():
            raise ValueError("Already exists.")


def log_in(app, name):
    client = app.test_client()
    with app.app_context():
        found = db.session.scalar(select(Account).filter_by(name=name))
    with client.session_transaction() as cookie:
        cookie["account"] = f"{found.id} {found.token}"
    return client
