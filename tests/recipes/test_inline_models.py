"""Inline rows are saved and deleted, and the number of queries does not grow."""

import pytest
from flask_admin.contrib.sqla import ModelView
from sqlalchemy import event, text

from snippets.recipes import inline_models
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts


def lines(surface):
    """Of each line its key, its order, its product and its quantity."""
    query = text(
        "SELECT id, order_id, product_id, quantity FROM inline_models_line ORDER BY id"
    )
    with surface.elsewhere() as session:
        return [tuple(row) for row in session.execute(query)]


BEFORE = [(1, 1, 1, 2), (2, 1, 2, 1), (3, 2, 2, 9)]


def test_lines_are_edited_added_and_deleted(surface):
    changes = {
        "lines-0-quantity": "5",
        "del-lines-1": "on",
        "lines-2-id": "",
        "lines-2-product": "2",
        "lines-2-quantity": "7",
    }
    page = surface.submit("/admin/order/edit/", changes, id=1)
    assert "Record was successfully saved." in alerts(page)
    assert lines(surface) == [(1, 1, 1, 5), (3, 2, 2, 9), (4, 1, 2, 7)]


def test_an_order_is_created_with_lines(surface):
    line = {"lines-0-id": "", "lines-0-product": "1", "lines-0-quantity": "3"}
    surface.submit("/admin/order/new/", {"customer": "Alan"} | line)
    assert lines(surface) == [*BEFORE, (4, 3, 1, 3)]


def test_the_lines_go_with_the_order(surface):
    page = surface.delete("/admin/order/", 1)
    assert "Record was successfully deleted." in alerts(page)
    assert lines(surface) == [(3, 2, 2, 9)]


def test_the_line_of_another_order_is_not_touched(surface):
    """The key of the other order's line, in a form that was made up."""
    for crafted in ({"lines-0-id": "3"}, {"lines-0-id": "3", "del-lines-0": "on"}):
        surface.submit("/admin/order/edit/", crafted, id=1)
    assert (3, 2, 2, 9) in lines(surface)


def count_queries(surface, send):
    """How many SELECT statements a request sends to the database."""
    sent = []

    def note(connection, cursor, statement, *rest):
        sent.append(statement)

    with surface.app.app_context():
        engine = surface.app.extensions["sqlalchemy"].engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        send()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return sum(statement.startswith("SELECT") for statement in sent)


def show(surface):
    return count_queries(surface, lambda: surface.get("/admin/order/edit/", id=1))


def save(surface):
    changes = {"customer": "Ada L."}
    return count_queries(
        surface, lambda: surface.submit("/admin/order/edit/", changes, id=1)
    )


def test_queries_do_not_grow_with_the_lines(surface):
    assert show(surface) == 3
    few = save(surface)
    with surface.elsewhere() as session:
        add = "INSERT INTO inline_models_product (name) VALUES ('Paper')"
        session.execute(text(add))
        add = (
            "INSERT INTO inline_models_line (order_id, product_id, quantity) "
            "VALUES (1, 3, 1)"
        )
        for _ in range(30):
            session.execute(text(add))
        session.commit()
    assert show(surface) == 3
    assert save(surface) == few


def test_products_are_read_in_each_request(surface):
    assert "Paper" not in surface.get("/admin/order/edit/", id=1)
    with surface.elsewhere() as session:
        add = "INSERT INTO inline_models_product (name) VALUES ('Paper')"
        session.execute(text(add))
        session.commit()
    assert "Paper" in surface.get("/admin/order/edit/", id=1)


class OwnOrders:
    """What a class for tenants does: an order of somebody else is no order."""

    def get_one(self, id):
        found = super().get_one(id)
        return found if found is not None and found.customer == "Ada" else None


def check_combined(drive, module):
    view = module.OrderView

    def create_app(config):
        module.OrderView = type("OrderView", (view, OwnOrders, ModelView), {})
        try:
            return module.create_app(config)
        finally:
            module.OrderView = view

    surface = drive(create_app)
    assert "Record does not exist" in surface.get("/admin/order/edit/", id=2)
    data = surface.signed("/admin/order/", customer="Taken over")
    surface.send("POST", "/admin/order/edit/?id=2", data=data)
    with surface.elsewhere() as session:
        query = text("SELECT customer FROM inline_models_order WHERE id = 2")
        assert session.scalar(query) == "Grace"
    surface.submit("/admin/order/edit/", {"lines-0-quantity": "5"}, id=1)
    assert lines(surface)[0] == (1, 1, 1, 5)


def test_another_class_still_decides_which_order_opens(drive):
    check_combined(drive, inline_models)


def test_trap_a_get_one_that_asks_nobody(drive):
    end = "    ]\n\n\n# endregion recipe"
    method = "    def get_one(self, id):\n        return db.session.get(Order, id)\n"
    module = without(inline_models, end, f"    ]\n\n{method}")
    with pytest.raises(AssertionError, match="does not exist"):
        check_combined(drive, module)


KEPT = """
from flask import Flask, has_app_context
g = type("Kept", (), {"__contains__": lambda self, name: hasattr(self, name)})()
"""


@pytest.mark.parametrize(
    ("line", "replacement", "test", "error"),
    [
        (
            '"id", "product"',
            '"product"',
            test_queries_do_not_grow_with_the_lines,
            "AttributeError: 'LineForm' object has no attribute 'id'",
        ),
        (
            '"form_args": {"product": {"query_factory": products}},',
            "",
            test_queries_do_not_grow_with_the_lines,
            "assert 5 == 3",
        ),
        (
            'if "products" not in g:',
            "if True:",
            test_queries_do_not_grow_with_the_lines,
            "assert 5 == 3",
        ),
        (
            'lazy="joined", innerjoin=True',
            "",
            test_queries_do_not_grow_with_the_lines,
            "assert 5 == 3",
        ),
        (
            'back_populates="order", cascade="all, delete-orphan"',
            'back_populates="order"',
            test_the_lines_go_with_the_order,
            "NOT NULL constraint failed: inline_models_line.order_id|NotNullViolation",
        ),
        (
            "from flask import Flask, g, has_app_context\n",
            KEPT,
            test_lines_are_edited_added_and_deleted,
            "Can't attach instance|UnboundLocalError.*'session'",
        ),
    ],
)
def test_removal(line, replacement, test, error, drive):
    module = without(inline_models, line, replacement)
    with pytest.raises((AssertionError, Failure), match=error):
        test(drive(module.create_app))
