"""What this application promises. Remove a line of it, and see a test fail."""

import pytest
from sqlalchemy import delete, select

from audit import Audit
from conftest import Browser
from db import db
from models import Account, Customer, Invoice

LISTS = ["/admin/customer/", "/admin/invoice/", "/admin/audit/"]


@pytest.fixture
def ada(log_in):
    """An account of the tenant North, which has an invoice."""
    ada = log_in("ada", "North")
    ada.submit("/admin/customer/new/", name="North Traders")
    answer = ada.submit("/admin/invoice/new/", number="N-1", customer="1")
    assert answer.status_code == 302
    return ada


def rows(app, model):
    # A context of the test's own, after the request: it sees what was committed.
    with app.app_context():
        return db.session.scalars(select(model).order_by(model.id)).all()


@pytest.mark.parametrize("path", ["/admin/", *LISTS])
def test_a_visitor_is_sent_to_the_login(app, ada, path):
    assert ada.get(path).status_code == 200
    answer = Browser(app).get(path)
    assert (answer.status_code, answer.location[:11]) == (302, "/login?next")


def test_a_tenant_sees_its_own_rows(app, ada, log_in):
    bob = log_in("bob", "South")
    assert "N-1" in ada.get("/admin/invoice/").text
    for path in LISTS:
        page = bob.get(path).text
        assert ("N-1" in page, "North" in page) == (False, False)
    for route in "edit", "details":
        answer = bob.get(f"/admin/invoice/{route}/?id=1")
        assert answer.location == "/admin/invoice/"
    bob.submit("/admin/invoice/delete/", page="/admin/invoice/new/", id=1)
    bob.submit("/admin/invoice/new/", number="S-1", customer="1")
    assert [each.deleted_at for each in rows(app, Invoice)] == [None]


def test_a_form_without_its_token_saves_nothing(app, ada):
    ada.client.post("/admin/invoice/new/", data={"number": "N-2"})
    ada.client.post("/admin/invoice/delete/", data={"id": 1})
    assert [each.deleted_at for each in rows(app, Invoice)] == [None]


def test_delete_hides_the_row_and_keeps_it(app, ada):
    for name in "invoice", "customer":
        ada.submit(f"/admin/{name}/delete/", page=f"/admin/{name}/", id=1)
    assert all(each.deleted_at for each in rows(app, Invoice) + rows(app, Customer))
    assert "N-1" not in ada.get("/admin/invoice/").text
    found = ada.get("/admin/invoice/ajax/lookup/?name=customer&query=North")
    assert found.json == []


def test_each_change_is_written_down(app, ada):
    ada.submit("/admin/invoice/edit/?id=1", number="N-9", customer="1")
    last = rows(app, Audit)[-1]
    assert (last.who, last.action, last.model, last.row_id) == (
        "1",
        "edit",
        "Invoice",
        "1",
    )
    assert last.changes == '{"number": ["N-1", "N-9"]}'
    assert "N-9" in ada.get("/admin/audit/").text


def test_an_exported_cell_is_no_formula(app, ada):
    ada.submit("/admin/customer/new/", name="@SUM(1)")
    ada.submit("/admin/invoice/new/", number="=1+1", customer="2")
    with ada.get("/admin/invoice/export/csv/") as answer:
        lines = answer.text.splitlines()
    assert (len(lines), "'=1+1,'@SUM(1)" in lines) == (3, True)


def test_a_deleted_account_is_out(app, ada):
    with app.app_context():
        db.session.execute(delete(Account))
        db.session.commit()
    assert ada.get("/admin/").status_code == 302


def test_the_migrations_make_the_tables_of_the_models(app):
    done = app.test_cli_runner().invoke(args=["db", "check"])
    assert done.exit_code == 0, done.output
