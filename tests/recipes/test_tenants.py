"""No route shows or changes a row of another tenant, whatever the request says."""

from base64 import b64encode

import pytest
from sqlalchemy import text
from werkzeug.security import generate_password_hash

from snippets.recipes import tenants
from tools.measure.access import routes
from tools.measure.removal import without
from tools.measure.surface import alerts

INVOICES = "/admin/invoice/"
NORTH, SOUTH = 1, 2
TABLES = ["account", "customer", "product", "invoice", "line"]
REFUSED = "Not a valid choice"


@pytest.fixture
def surface(drive):
    return as_north(drive(tenants.create_app))


def as_north(surface):
    # Hashed in one round: each request brings the password.
    hashed = generate_password_hash("testing", "pbkdf2:sha256:1")
    insert = text("INSERT INTO tenant_account VALUES (:name, :hashed, :id, :id)")
    with surface.elsewhere() as session:
        for id, name in [(NORTH, "north"), (SOUTH, "south")]:
            session.execute(insert, {"id": id, "name": name, "hashed": hashed})
        session.commit()
    become(surface, "north")
    return surface


def become(surface, name):
    password = b64encode(f"{name}:testing".encode()).decode()
    surface.client.environ_base["HTTP_AUTHORIZATION"] = f"Basic {password}"


def stored(surface):
    with surface.elsewhere() as session:
        return {
            table: session.execute(text(f"SELECT * FROM tenant_{table}")).all()  # noqa: S608
            for table in TABLES
        }


def post(surface, path, query=None, **data):
    data = surface.signed(f"{INVOICES}new/", **data)
    return surface.client.post(
        f"{INVOICES}{path}", query_string=query, data=data, follow_redirects=True
    ).text


def test_each_tenant_has_its_own_list(surface):
    for name, own, foreign in [("north", "N-1", "S-1"), ("south", "S-1", "N-1")]:
        become(surface, name)
        for path in [INVOICES, f"{INVOICES}export/csv/"]:
            page = surface.get(path)
            assert (own in page, foreign in page) == (True, False)
        assert "List (1)" in surface.get(INVOICES)


def test_the_list_and_its_export_name_the_customer(surface):
    assert "North Traders" in surface.rows(INVOICES)[0]
    export = surface.get(f"{INVOICES}export/csv/").splitlines()
    assert export == ["Number,Customer", "N-1,North Traders"]


def test_neither_search_nor_filter_nor_page_finds_a_foreign_row(surface):
    number = surface.filter(INVOICES, "Number", "equals")
    customer = surface.filter(INVOICES, "customer / Tenant Customer / Name", "contains")
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


def test_a_foreign_row_cannot_be_referenced(surface):
    before = stored(surface)
    line = {"lines-0-id": NORTH, "lines-0-product": SOUTH}
    new_line = {"lines-1-id": "", "lines-1-product": SOUTH}
    for path, query, data in [
        ("new/", None, {"number": "N-2", "customer": SOUTH}),
        ("edit/", {"id": NORTH}, {"number": "N-1", "customer": SOUTH}),
        ("edit/", {"id": NORTH}, {"number": "N-1", "customer": NORTH} | line),
        ("edit/", {"id": NORTH}, {"number": "N-1", "customer": NORTH} | new_line),
    ]:
        assert REFUSED in post(surface, path, query, **data)
    assert "South" not in surface.get(f"{INVOICES}edit/", id=NORTH)
    post(surface, "ajax/update/", list_form_pk=NORTH, number="N-1", customer=SOUTH)
    assert stored(surface) == before


def test_a_foreign_line_cannot_be_reached_through_an_own_invoice(surface):
    before = stored(surface)["line"][1]
    data = {"number": "N-1", "customer": NORTH}
    data |= {"lines-0-id": SOUTH, "lines-0-product": NORTH}
    assert "successfully saved" in post(surface, "edit/", {"id": NORTH}, **data)
    post(surface, "edit/", {"id": NORTH}, **data | {"del-lines-0": "on"})
    assert before == (SOUTH, SOUTH, SOUTH)
    assert stored(surface)["line"] == [(1, NORTH, NORTH), before, (3, NORTH, NORTH)]


def test_a_new_row_belongs_to_the_tenant_of_the_request(surface):
    data = {"number": "N-2", "customer": NORTH}
    post(surface, "new/", **data, tenant_id=SOUTH, tenant=SOUTH)
    post(surface, "edit/", {"id": NORTH}, **data, tenant_id=SOUTH, tenant=SOUTH)
    owners = [(row.number, row.tenant_id) for row in stored(surface)["invoice"]]
    assert owners == [("N-2", NORTH), ("S-1", SOUTH), ("N-2", NORTH)]


def test_an_own_row_is_edited(surface):
    surface.submit(f"{INVOICES}edit/", {"number": "N-7"}, id=NORTH)
    answer = post(surface, "ajax/update/", list_form_pk=NORTH, number="N-8")
    assert answer == "Record was successfully saved."
    assert ["N-8" in row for row in surface.rows(INVOICES)] == [True]
    post(surface, "delete/", id=NORTH)
    assert surface.rows(INVOICES) == []


def test_a_visitor_gets_nothing(surface):
    surface.client.environ_base.pop("HTTP_AUTHORIZATION")
    for method, path in routes(surface.app, "invoice"):
        answer = surface.client.open(path, method=method, query_string={"id": 1})
        assert (path, answer.status_code) == (path, 401)


def test_the_customer_form_offers_no_invoices(surface):
    assert "S-1" not in surface.get("/admin/customer/new/")


def test_trap_relation_edited_in_the_list(drive):
    factory = 'form_args = {"customer": {"query_factory": list}}'
    module = without(
        tenants,
        "form_ajax_refs = {",
        f'column_editable_list = ["customer"]\n    {factory}\n    unused = {{',
    )
    surface = as_north(drive(module.create_app))
    assert "South" not in surface.get(f"{INVOICES}new/")
    assert "South Traders" in surface.get(INVOICES)


@pytest.mark.parametrize(
    ("line", "replacement", "test", "message"),
    [
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
            r"List \(1\)",
        ),
        (
            "own(super().get_one(id))",
            "super().get_one(id)",
            test_a_guessed_id_finds_nothing,
            "Record does not exist.",
        ),
        (
            "row and row.tenant_id == current_user.tenant_id",
            "row",
            test_a_guessed_id_finds_nothing,
            "Record does not exist.",
        ),
        (
            "model.tenant_id = current_user.tenant_id",
            "pass",
            test_a_new_row_belongs_to_the_tenant_of_the_request,
            "one more item",
        ),
        (
            "super().get_query().filter_by(tenant_id=current_user.tenant_id)",
            "super().get_query()",
            test_a_lookup_offers_own_rows,
            "South Traders",
        ),
        (
            "self.get_query().filter_by(id=pk).one_or_none()",
            "self.session.get(self.model, pk)",
            test_a_foreign_row_cannot_be_referenced,
            REFUSED,
        ),
        (
            '"form_args": {"product": {"query_factory": own_products}},',
            "",
            test_a_foreign_row_cannot_be_referenced,
            REFUSED,
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
    with pytest.raises(AssertionError, match=message):
        test(as_north(drive(module.create_app)))
