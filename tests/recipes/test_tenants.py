"""No route shows or changes a row of another tenant, whatever the request says."""

import pytest
from flask_admin.contrib.sqla import tools
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError

from snippets.recipes import tenants
from tools.measure.login import CHECKS, contents, create, routes
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts

INVOICES = "/admin/invoice/"
NORTH, SOUTH = 1, 2
REFUSED = "Not a valid choice"


@pytest.fixture
def surface(drive):
    return as_north(drive(tenants.create_app))


def as_north(surface, module=tenants):
    for name in ("South", "North"):
        create(surface, module, name.lower(), options=[name])
        become(surface, name.lower())
    return surface


def become(surface, name):
    find = select(tenants.Account.token).filter_by(name=name)
    with surface.elsewhere() as session, surface.client.session_transaction() as cookie:
        cookie["_user_id"] = session.scalar(find)


def stored(surface):
    found = contents(surface, tenants)
    return {name.removeprefix("tenants_"): rows for name, rows in found.items()}


@pytest.mark.parametrize("check", CHECKS)
def test_login(check, drive):
    check(drive(tenants.create_app), tenants)


def test_an_account_of_a_new_tenant_sees_nothing(surface):
    create(surface, tenants, "west", options=["West"])
    become(surface, "west")
    assert surface.rows(INVOICES) == []
    surface.submit(f"{INVOICES}new/", {"number": "W-1"})
    assert [row.tenant_id for row in stored(surface)["invoice"]] == [1, 2, 3]


def post(surface, path, query=None, **data):
    data = surface.signed(f"{INVOICES}new/", **data)
    return surface.client.post(
        f"{INVOICES}{path}", query_string=query, data=data, follow_redirects=True
    ).text


def test_each_tenant_has_its_own_list(surface):
    post(surface, "new/", number="N-2")
    for name, own, foreign, count in [
        ("north", "N-1", "S-1", 2),
        ("south", "S-1", "N-1", 1),
    ]:
        become(surface, name)
        for path in [INVOICES, f"{INVOICES}export/csv/"]:
            page = surface.get(path)
            assert (own in page, foreign in page) == (True, False)
        assert f"List ({count})" in surface.get(INVOICES)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO tenants_tenant (id, name) VALUES (9, 'North')",
        "INSERT INTO tenants_account (id, name, password_hash, token, tenant_id)"
        " SELECT 9, name, '', 'another', tenant_id FROM tenants_account WHERE id = 1",
        "INSERT INTO tenants_invoice_copy SELECT * FROM tenants_invoice_copy",
    ],
)
def test_nothing_is_there_twice(surface, statement):
    with surface.elsewhere() as session, pytest.raises(IntegrityError):
        session.execute(text(statement))


def test_what_names_a_tenant_refers_to_one(surface):
    with surface.app.app_context():
        database = inspect(tenants.db.engine)
        owned = {
            table: {key["referred_table"] for key in database.get_foreign_keys(table)}
            for table in database.get_table_names()
            if "tenant_id" in {each["name"] for each in database.get_columns(table)}
        }
    names = ["account", "customer", "product", "invoice"]
    assert owned.keys() == {f"tenants_{name}" for name in names}
    assert all("tenants_tenant" in referred for referred in owned.values())


def test_the_list_and_its_export_name_the_customer(surface):
    assert "North Traders" in surface.rows(INVOICES)[0]
    export = surface.get(f"{INVOICES}export/csv/").splitlines()
    assert export == ["Number,Customer", "N-1,North Traders"]


def test_neither_search_nor_filter_nor_page_finds_a_foreign_row(surface):
    number = surface.filter(INVOICES, "Number", "equals")
    customer = surface.filter(
        INVOICES, "customer / Tenants Customer / Name", "contains"
    )
    for query in [
        {"search": "S-1"},
        {number: "S-1"},
        {customer: "South"},
        {"page": 1, "page_size": 1},
    ]:
        assert surface.rows(INVOICES, **query) == []
        if "page" not in query:
            assert "S-1" not in surface.get(f"{INVOICES}export/csv/", **query)


def test_a_guessed_id_finds_nothing(surface):
    before = stored(surface)
    for path in ["details/", "edit/"]:
        page = surface.get(f"{INVOICES}{path}", id=SOUTH)
        assert "Record does not exist." in alerts(page)
    for answer in [
        post(surface, "edit/", {"id": SOUTH}, number="Taken", customer=NORTH),
        post(surface, "delete/", id=SOUTH),
        post(surface, "action/", action="delete", rowid=[SOUTH]),
        post(surface, "ajax/update/", list_form_pk=SOUTH, number="Taken"),
    ]:
        assert "Record does not exist." in answer or "0 records" in answer
    assert stored(surface) == before


def test_an_id_that_is_no_row(surface):
    assert "Record does not exist." in surface.get(f"{INVOICES}details/", id=999)


def test_a_bulk_action_takes_own_rows_alone(surface):
    post(surface, "action/", action="delete", rowid=[NORTH, SOUTH])
    assert [row.number for row in stored(surface)["invoice"]] == ["S-1"]


def test_a_lookup_offers_own_rows(surface):
    for query in ["Traders", "South", ""]:
        found = surface.get(f"{INVOICES}ajax/lookup/", name="customer", query=query)
        assert "South" not in found
    assert "North" in surface.get(
        f"{INVOICES}ajax/lookup/", name="customer", query="Traders"
    )


FOREIGN = [
    {"customer": SOUTH},
    {"copies": SOUTH},
    {"copies": f"{NORTH},{SOUTH}"},
    {"copies": [NORTH, SOUTH]},
    {"customer": "none"},
    {"copies": "none"},
    {"customer": "9" * 5000},
    {"copies": "9" * 5000},
    {"lines-0-id": NORTH, "lines-0-product": SOUTH},
    {"lines-0-id": NORTH, "lines-0-product": NORTH, "lines-1-product": SOUTH},
]


def check_foreign(surface, changes):
    """A foreign id is rejected where a relation may be empty, too."""
    before = stored(surface)
    data = {"number": "N-1", "customer": NORTH, "copies": NORTH} | changes
    assert REFUSED in post(surface, "edit/", {"id": NORTH}, **data)
    assert REFUSED in post(surface, "new/", **data | {"number": "N-2"})
    assert stored(surface) == before


@pytest.mark.parametrize("changes", FOREIGN)
def test_a_foreign_row_cannot_be_referenced(changes, surface):
    check_foreign(surface, changes)


def test_no_form_offers_a_foreign_row(surface):
    before = stored(surface)
    assert "South" not in surface.get(f"{INVOICES}edit/", id=NORTH)
    assert "South" not in surface.get(f"{INVOICES}new/")
    post(surface, "ajax/update/", list_form_pk=NORTH, number="N-1", customer=SOUTH)
    assert stored(surface) == before


def test_a_relation_is_emptied_on_purpose(surface):
    empty = {"customer": "", "copies": "", "lines-0-product": "__None"}
    surface.submit(f"{INVOICES}edit/", empty, id=NORTH)
    found = stored(surface)
    assert [row.customer_id for row in found["invoice"]] == [None, SOUTH]
    assert found["invoice_copy"] == [(SOUTH, SOUTH)]
    assert [row.product_id for row in found["line"]] == [None, SOUTH]


def test_a_line_that_is_removed_is_not_asked(surface):
    page = surface.submit(f"{INVOICES}edit/", {"del-lines-0": "on"}, id=NORTH)
    assert "successfully saved" in page
    assert [row.invoice_id for row in stored(surface)["line"]] == [SOUTH]


def test_a_number_is_unique_in_its_tenant_only(surface):
    data = {"customer": NORTH}
    assert "successfully created" in post(surface, "new/", number="S-1", **data)
    before = stored(surface)
    answer = post(surface, "new/", number="N-1", **data)
    assert "Integrity error" in answer
    assert "S-1" not in answer
    assert stored(surface) == before


def test_trap_a_unique_column_tells_of_other_tenants(drive):
    line = "number: Mapped[str] = mapped_column(String(20))"
    module = without(tenants, line, line.replace("(20)", "(20), unique=True"))
    surface = as_north(drive(module.create_app), module)
    assert "Already exists." in post(surface, "new/", number="S-1", customer=NORTH)


@pytest.fixture
def unchecked():
    return without(tenants, " and found_all(form)", "")


def test_what_flask_admin_saves_without_the_check(unchecked, drive):
    surface = as_north(drive(unchecked.create_app), unchecked)
    data = {"number": "N-1", "customer": SOUTH, "copies": SOUTH}
    assert "successfully saved" in post(surface, "edit/", {"id": NORTH}, **data)
    found = stored(surface)
    assert [row.customer_id for row in found["invoice"]] == [None, SOUTH]
    assert found["invoice_copy"] == [(SOUTH, SOUTH)]


def test_a_bulk_action_compares_numbers(surface, monkeypatch):
    """PostgreSQL compares no number with text."""
    asked, real = [], tools.get_query_for_ids
    monkeypatch.setattr(
        tools,
        "get_query_for_ids",
        lambda query, model, ids: asked.extend(ids) or real(query, model, ids),
    )
    ids = [NORTH, "none", "9" * 5000, SOUTH]
    post(surface, "action/", action="delete", rowid=ids)
    assert asked == [NORTH, SOUTH]


def test_a_reused_id_is_no_copy(surface):
    """SQLite checks no foreign key, and gives the id of a deleted row again."""
    surface.delete("/admin/customer/", NORTH)
    assert stored(surface)["invoice_copy"] == [(SOUTH, SOUTH)]


def test_trap_an_action_that_asks_nobody(drive):
    module = without(
        tenants,
        "class InvoiceView(TenantView):\n",
        "class InvoiceView(TenantView):\n"
        "    @action('void', 'Void')\n"
        "    def void(self, ids):\n"
        "        for row in db.session.scalars(select(Invoice)):\n"
        "            row.number += ' void' if str(row.id) in ids else ''\n"
        "        db.session.commit()\n\n",
    )
    surface = as_north(drive(module.create_app), module)
    surface.action(INVOICES, "void", [SOUTH])
    assert [row.number for row in stored(surface)["invoice"]] == ["N-1", "S-1 void"]


def test_a_foreign_line_cannot_be_reached_through_an_own_invoice(surface):
    before = stored(surface)["line"][1]
    data = {"number": "N-1", "customer": NORTH}
    data |= {"lines-0-id": SOUTH, "lines-0-product": NORTH}
    assert "successfully saved" in post(surface, "edit/", {"id": NORTH}, **data)
    post(surface, "edit/", {"id": NORTH}, **data | {"del-lines-0": "on"})
    assert before == (SOUTH, SOUTH, SOUTH)
    first, theirs, *new = stored(surface)["line"]
    assert theirs == before
    assert {(line.invoice_id, line.product_id) for line in [first, *new]} == {(1, 1)}


def test_a_new_row_belongs_to_the_tenant_of_the_request(surface):
    data = {"customer": NORTH, "tenant_id": SOUTH, "tenant": SOUTH}
    post(surface, "new/", number="N-2", **data)
    post(surface, "edit/", {"id": NORTH}, number="N-3", **data)
    owners = [(row.number, row.tenant_id) for row in stored(surface)["invoice"]]
    assert owners == [("N-3", NORTH), ("S-1", SOUTH), ("N-2", NORTH)]


def test_an_own_row_is_edited(surface):
    surface.submit(f"{INVOICES}edit/", {"number": "N-7"}, id=NORTH)
    answer = post(surface, "ajax/update/", list_form_pk=NORTH, number="N-8")
    assert answer == "Record was successfully saved."
    assert ["N-8" in row for row in surface.rows(INVOICES)] == [True]
    post(surface, "delete/", id=NORTH)
    assert surface.rows(INVOICES) == []


def test_every_route_with_the_id_of_another_tenant(surface):
    def theirs():
        found = stored(surface)
        owned = [*found["invoice"], *found["customer"], *found["product"]]
        rows = [row for row in owned if row.tenant_id == SOUTH]
        return rows, found["line"][1], found["invoice_copy"][-1]

    before, token = theirs(), surface.token(f"{INVOICES}new/")
    data = {"csrf_token": token, "id": SOUTH, "rowid": [SOUTH], "list_form_pk": SOUTH}
    data |= {"action": "delete", "number": "X", "name": "X"}
    for method, path in routes(surface.app):
        query = {"id": SOUTH, "name": "customer", "query": ""}
        sent = data if method == "POST" else None
        answer = surface.client.open(
            path, method=method, query_string=query, data=sent, follow_redirects=True
        )
        assert "South" not in answer.text
        assert "S-1" not in answer.text
    assert theirs() == before


def test_trap_get_one_that_asks_nobody(drive):
    """A recipe for another purpose, pasted into a view of a tenant."""
    module = without(
        tenants,
        "class InvoiceView(TenantView):\n",
        "class InvoiceView(TenantView):\n"
        "    def get_one(self, id):\n"
        "        return self.session.get(self.model, int(id))\n\n",
    )
    surface = as_north(drive(module.create_app), module)
    assert "S-1" in surface.get(f"{INVOICES}edit/", id=SOUTH)


def test_the_customer_form_offers_no_invoices(surface):
    assert "S-1" not in surface.get("/admin/customer/new/")


def test_trap_relation_edited_in_the_list(drive):
    factory = (
        "form_args = dict.fromkeys(['customer', 'copies'], {'query_factory': list})"
    )
    module = without(
        tenants,
        "form_ajax_refs = {",
        f'column_editable_list = ["customer"]\n    {factory}\n    unused = {{',
    )
    surface = as_north(drive(module.create_app), module)
    assert "South" not in surface.get(f"{INVOICES}new/")
    assert "South Traders" in surface.get(INVOICES)


@pytest.mark.parametrize(
    ("line", "replacement", "test", "message"),
    [
        (
            'secondary="tenants_invoice_copy", back_populates="copies"\n    )',
            'secondary="tenants_invoice_copy", viewonly=True\n    )',
            test_a_reused_id_is_no_copy,
            r"\(1, 1\)",
        ),
        (
            " and len(text) < 10",
            "",
            lambda surface: check_foreign(surface, {"copies": "9" * 5000}),
            "500 Internal Server Error",
        ),
        (
            "super().get_query().filter(owner == current_user.tenant_id)",
            "super().get_query()",
            test_each_tenant_has_its_own_list,
            r"\(True, True\) == \(True, False\)",
        ),
        (
            "super().get_query().filter(owner == current_user.tenant_id)",
            "super().get_query()",
            test_a_bulk_action_takes_own_rows_alone,
            r"\[\] == \['S-1'\]",
        ),
        (
            "super().get_count_query().filter(owner == current_user.tenant_id)",
            "super().get_count_query()",
            test_each_tenant_has_its_own_list,
            r"List \(2\)",
        ),
        (
            "found if found and found.tenant_id == current_user.tenant_id else None",
            "found",
            test_a_guessed_id_finds_nothing,
            "Record does not exist.",
        ),
        (
            "if found and found.tenant_id",
            "if found.tenant_id",
            test_an_id_that_is_no_row,
            "NoneType.*tenant_id",
        ),
        (
            "model.tenant_id = current_user.tenant_id",
            "pass",
            test_a_new_row_belongs_to_the_tenant_of_the_request,
            "one more item",
        ),
        (
            "return super().get_query().filter_by(tenant_id=current_user.tenant_id)",
            "return super().get_query()",
            test_a_lookup_offers_own_rows,
            "South Traders",
        ),
        (
            "self.get_query().filter_by(id=int(pk)).one_or_none()",
            "self.session.get(self.model, int(pk))",
            lambda surface: check_foreign(surface, {"customer": SOUTH}),
            REFUSED,
        ),
        (
            '"form_args": {"product": {"query_factory": own_products}},',
            "",
            lambda surface: check_foreign(surface, FOREIGN[-2]),
            REFUSED,
        ),
        (
            " and found_all(form)",
            "",
            lambda surface: check_foreign(surface, {"copies": [NORTH, SOUTH]}),
            REFUSED,
        ),
        (
            " and found_all(form)",
            "",
            lambda surface: check_foreign(surface, {"customer": SOUTH}),
            REFUSED,
        ),
        (
            "isinstance(field, InlineFieldList)",
            "False",
            lambda surface: check_foreign(surface, FOREIGN[-2]),
            REFUSED,
        ),
        (
            "AjaxSelectField | QuerySelectField",
            "AjaxSelectField",
            lambda surface: check_foreign(surface, FOREIGN[-1]),
            REFUSED,
        ),
        (
            'keys - {"", "__None"}',
            "keys",
            test_a_relation_is_emptied_on_purpose,
            r"\[1, 2\] == \[None, 2\]",
        ),
        (
            'value.split(",")',
            "[value]",
            lambda surface: check_foreign(surface, {"copies": f"{NORTH},{SOUTH}"}),
            REFUSED,
        ),
        (
            '__table_args__ = (UniqueConstraint("tenant_id", "number"),)',
            "",
            test_a_number_is_unique_in_its_tenant_only,
            "Integrity error",
        ),
        (
            'form_columns = ["name"]',
            "pass",
            test_the_customer_form_offers_no_invoices,
            "S-1",
        ),
    ],
)
def test_removal(line, replacement, test, message, drive):
    module = without(tenants, line, replacement)
    with pytest.raises((AssertionError, Failure), match=message):
        test(as_north(drive(module.create_app), module))
