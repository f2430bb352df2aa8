"""A hook shares the view's transaction: all of it is saved, or nothing."""

import logging
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event, text

from snippets.recipes import request_transaction
from snippets.recipes.request_transaction import ProductView, db
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts

NEW = {"name": "Desk", "price": "90"}


def products(surface):
    with surface.elsewhere() as session:
        rows = session.execute(
            text("SELECT name, code, price FROM request_transaction_product")
        )
        return {name: values for name, *values in rows}


def changes(surface):
    with surface.elsewhere() as session:
        return session.execute(
            text(
                "SELECT product_id, old, new FROM request_transaction_change "
                "ORDER BY id"
            )
        ).all()


def inline_edit(surface, price):
    data = surface.signed("/admin/product/", list_form_pk=1, price=price)
    return surface.client.post("/admin/product/ajax/update/", data=data)


def test_create(surface):
    surface.submit("/admin/product/new/", NEW)
    assert [row[1:] for row in changes(surface)] == [(None, 90)]
    # Not always 2: PostgreSQL leaves out the number of what was rolled back.
    id = changes(surface)[0].product_id
    assert products(surface)["Desk"] == [f"P-{id:04}", 90]


def test_edit(surface):
    surface.submit("/admin/product/edit/", {"name": "Light"}, id=1)
    assert changes(surface) == []
    surface.submit("/admin/product/edit/", {"price": "12"}, id=1)
    assert inline_edit(surface, 15).status_code == 200
    assert changes(surface) == [(1, 10, 12), (1, 12, 15)]


def test_the_code_is_not_in_the_form(surface):
    surface.submit("/admin/product/edit/", {"code": "Forged"}, id=1)
    assert products(surface) == {"Lamp": ["P-0001", 10]}


def test_a_hook_that_raises_leaves_nothing_behind(surface):
    page = surface.submit("/admin/product/new/", NEW | {"price": "-1"})
    assert "A price is not negative." in alerts(page)
    page = surface.submit("/admin/product/edit/", {"price": "-1"}, id=1)
    assert "A price is not negative." in alerts(page)
    assert "A price is not negative." in inline_edit(surface, -1).text
    assert products(surface) == {"Lamp": ["P-0001", 10]}
    assert changes(surface) == []
    test_create(surface)


def engine(surface):
    with surface.app.app_context():
        return surface.app.extensions["sqlalchemy"].engine


def test_a_commit_that_fails_leaves_nothing_behind(surface):
    def refuse(connection):
        raise RuntimeError("the disk is full")

    event.listen(engine(surface), "commit", refuse)
    page = surface.submit("/admin/product/new/", NEW)
    assert "the disk is full" in alerts(page)
    event.remove(engine(surface), "commit", refuse)
    assert changes(surface) == []
    test_create(surface)


def test_one_commit_for_each_form(surface):
    commits = []
    event.listen(engine(surface), "commit", commits.append)
    surface.submit("/admin/product/new/", NEW)
    surface.submit("/admin/product/edit/", {"price": "12"}, id=1)
    assert len(commits) == 2


def test_what_is_told_was_committed(surface, caplog):
    caplog.set_level(logging.INFO)
    surface.submit("/admin/product/new/", NEW | {"price": "-1"})
    assert "costs" not in caplog.text
    surface.submit("/admin/product/new/", NEW)
    assert re.search(r"P-000\d costs 90", caplog.text)


def test_what_after_model_change_adds_is_lost_without_a_commit(surface, monkeypatch):
    def write(view, form, model, is_created):
        db.session.add(request_transaction.Product(name="Lost", price=1))

    monkeypatch.setattr(ProductView, "after_model_change", write)
    surface.submit("/admin/product/new/", NEW)
    assert products(surface).keys() == {"Lamp", "Desk"}


def test_after_model_change_cannot_undo(surface, monkeypatch):
    def refuse(view, form, model, is_created):
        raise RuntimeError("the mail server is away")

    monkeypatch.setattr(ProductView, "after_model_change", refuse)
    with pytest.raises(Failure, match="the mail server is away"):
        surface.submit("/admin/product/new/", NEW)
    assert products(surface).keys() == {"Lamp", "Desk"}


def test_a_query_before_a_required_value_is_set(surface, monkeypatch):
    def look(view, form, model, is_created):
        model.price = None
        db.session.query(request_transaction.Product).count()
        model.price = 1

    monkeypatch.setattr(ProductView, "on_model_change", look)
    page = surface.submit("/admin/product/new/", NEW)
    said = alerts(page).lower()
    empty = "not null constraint failed|violates not-null constraint|cannot be null"
    assert re.search(empty, said)

    def look_without_a_flush(*arguments):
        with db.session.no_autoflush:
            look(*arguments)

    monkeypatch.setattr(ProductView, "on_model_change", look_without_a_flush)
    surface.submit("/admin/product/new/", NEW)
    assert products(surface)["Desk"] == [None, 1]


def save(surface, price, client=None):
    """Save the first product with another price; return what was told."""
    client = client or surface.app.test_client()
    page = surface.send("GET", "/admin/product/", client)
    token = re.search('csrf_token".+?value="(.+?)"', page)[1]
    data = {"csrf_token": token, "name": "Lamp", "price": price}
    path, query = "/admin/product/edit/", {"id": 1}
    return alerts(surface.send("POST", path, client, query_string=query, data=data))


def overtaken(surface, view):
    """Somebody else saves the row while a save of it is between reading and writing."""
    original, others = view.on_model_change, ["12"]

    def on_model_change(self, form, model, is_created):
        if others:
            # In a thread of its own, as a server would: not in this context.
            with ThreadPoolExecutor(1) as thread:
                said = thread.submit(save, surface, others.pop()).result()
            assert "successfully" in said
        original(self, form, model, is_created)

    view.on_model_change = on_model_change
    try:
        said = save(surface, 11)
    finally:
        view.on_model_change = original
    assert changes(surface) == [(1, 10, 12)]
    assert "successfully" not in said


def test_overtaken_between_reading_and_writing(surface):
    overtaken(surface, ProductView)
    assert "successfully" in save(surface, 15)
    assert changes(surface) == [(1, 10, 12), (1, 12, 15)]


def test_removal_of_the_version(drive):
    line = '    __mapper_args__ = {"version_id_col": version}\n'
    module = without(
        request_transaction,
        f"    version: Mapped[int] = mapped_column()\n{line}",
    )
    with pytest.raises(AssertionError, match=re.escape("(1, 10, 12), (1, 10, 11)")):
        overtaken(drive(module.create_app), module.ProductView)


def test_eight_editors_at_the_same_time(surface):
    """Each old price is the one before; what was not saved was not told as saved."""

    def edit(number):
        client = surface.app.test_client()
        prices = range(100 * number, 100 * number + 4)
        return [save(surface, price, client) for price in prices]

    with ThreadPoolExecutor(8) as pool:
        told = [said for saves in pool.map(edit, range(1, 9)) for said in saves]
    found = changes(surface)
    assert [row.old for row in found] == [10, *[row.new for row in found[:-1]]]
    assert sum("successfully" in said for said in told) == len(found)
    assert products(surface)["Lamp"][1] == found[-1].new


def test_the_last_of_two_open_forms_wins(surface):
    """As the page says: a form does not know that it is old."""
    one, other = surface.app.test_client(), surface.app.test_client()
    for client in one, other:
        surface.send("GET", "/admin/product/edit/?id=1", client)
    assert "successfully" in save(surface, 11, one)
    assert "successfully" in save(surface, 11, other)
    assert changes(surface) == [(1, 10, 11)]
    assert products(surface)["Lamp"][1] == 11


READ = "old = inspect(model).attrs.price.history.deleted"


@pytest.mark.parametrize(
    ("line", "replacement", "test"),
    [
        (READ, f"db.session.flush(); {READ}", test_edit),
        ("db.session.flush()\n", "pass\n", test_create),
        (
            "db.session.flush()\n",
            "db.session.commit()\n",
            test_a_hook_that_raises_leaves_nothing_behind,
        ),
        (
            "db.session.flush()\n",
            "db.session.commit()\n",
            test_one_commit_for_each_form,
        ),
        ("db.session.add(change)", "pass", test_create),
        (
            'raise ValidationError("A price is not negative.")',
            "pass",
            test_a_hook_that_raises_leaves_nothing_behind,
        ),
    ],
)
def test_removal(line, replacement, test, drive):
    module = without(request_transaction, line, replacement)
    with pytest.raises((AssertionError, KeyError)):
        test(drive(module.create_app))
