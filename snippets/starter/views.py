"""The views: each shows an account the rows of its own tenant."""

import re
from datetime import datetime, timezone
from numbers import Number

from flask import after_this_request, current_app, flash, request
from flask_admin.actions import action
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.ajax import QueryAjaxModelLoader
from flask_admin.contrib.sqla.fields import QuerySelectField
from flask_admin.form import SecureForm
from flask_admin.menu import MenuLink
from flask_admin.model.fields import AjaxSelectField, InlineFieldList
from flask_login import current_user

from audit import Audit
from db import db
from models import Customer, Invoice


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


class SoftDeleteView(ModelView):
    """A view of a model that has a ``deleted_at`` column."""

    form_base_class = SecureForm
    form_excluded_columns = ["deleted_at"]
    column_exclude_list = ["deleted_at"]

    def get_query(self):
        return super().get_query().filter(self.model.deleted_at.is_(None))

    def get_count_query(self):
        return super().get_count_query().filter(self.model.deleted_at.is_(None))

    def get_one(self, id):
        found = super().get_one(id)
        return None if found is None or found.deleted_at else found

    def delete_model(self, model):
        try:
            self.on_model_delete(model)
            model.deleted_at = datetime.now(timezone.utc)
            db.session.commit()
        except Exception as error:
            db.session.rollback()
            if not self.handle_view_exception(error):
                current_app.logger.exception("Failed to delete record.")
                flash("Failed to delete record.", "error")
            return False
        self.after_model_delete(model)
        return True


# A spreadsheet may split at other characters than the comma, and skips blanks and
# quotes. Separators are not skipped: a cell full of them would take minutes.
FORMULA = re.compile(
    r'(?:^|(?<=[;\t\r\n]))(?=(?:[^\S\t\r\n]|[\0"])*[=+\-@\uff0b\uff0d\uff1d\uff20])'
)


class StreamedExport:
    """Put it first in the bases of a view."""

    def get_list(self, *args, execute=True, **kwargs):
        if request.endpoint != f"{self.endpoint}.export":
            return super().get_list(*args, execute=execute, **kwargs)
        count, query = super().get_list(*args, execute=False, **kwargs)
        # The request's session is closed before the first row is asked for.
        session = db.sessionmaker()

        @after_this_request
        def close_with_the_answer(response):
            response.call_on_close(session.close)
            return response

        # PyMySQL loses the rest of a stream when a relation is loaded meanwhile.
        mysql = session.get_bind(self.model).dialect.name in ("mysql", "mariadb")

        def rows():
            options = {"stream_results": not mysql}
            found = session.scalars(query.statement, execution_options=options)
            yield from found.yield_per(100)

        return count, rows()

    def get_export_value(self, model, name):
        value = super().get_export_value(model, name)
        return value if isinstance(value, Number) else FORMULA.sub("'", str(value))


class AuditView(ModelView):
    can_create = can_edit = can_delete = False
    form_base_class = SecureForm
    column_default_sort = ("id", True)


class TenantAuditView(TenantView, AuditView):
    column_exclude_list = ["tenant_id"]


class CustomerView(TenantView, SoftDeleteView):
    form_columns = ["name"]
    column_list = ["name"]


class CustomerLoader(TenantLoader):
    def get_query(self):
        return super().get_query().filter(Customer.deleted_at.is_(None))


class InvoiceView(StreamedExport, TenantView, SoftDeleteView):
    can_view_details = True
    can_export = True
    column_list = ["number", "customer"]
    column_details_list = column_list
    column_searchable_list = ["number"]
    column_editable_list = ["number"]
    form_columns = ["number", "customer"]
    form_ajax_refs = {
        "customer": CustomerLoader("customer", db.session, Customer, fields=["name"])
    }


def add_views(admin):
    admin.add_view(CustomerView(Customer, db.session))
    admin.add_view(InvoiceView(Invoice, db.session))
    admin.add_view(TenantAuditView(Audit, db.session, name="Changes"))
    admin.add_link(MenuLink("Account", endpoint="auth.login"))
