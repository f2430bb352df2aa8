"""The suite names each planted hole, and passes where there is none."""

import importlib
import re
from types import SimpleNamespace

import pytest
from sqlalchemy import event, select

from snippets.recipes import attacks
from tools.measure import open_admin
from tools.measure.removal import without
from tools.measure.surface import TEMPLATES

TESTS = {
    "allowed": lambda suite, attack: suite.test_the_allowed_account(attack),
    "visitor": lambda suite, attack: suite.test_an_outsider(attack, "a visitor"),
    "ordinary": lambda suite, attack: suite.test_an_outsider(
        attack, "an ordinary account"
    ),
    "deleted": lambda suite, attack: suite.test_an_outsider(
        attack, "a deleted account"
    ),
    "change": lambda suite, attack: suite.test_a_change(attack, "allowed"),
    "reader": lambda suite, attack: suite.test_a_change(attack, "reader"),
    "tenant": lambda suite, attack: suite.test_another_tenant(attack),
    "hidden": lambda suite, attack: suite.test_hidden_columns(attack),
    "redirect": lambda suite, attack: suite.test_a_redirect(attack),
    "upload": lambda suite, attack: suite.test_an_upload(attack),
}


def findings(test, target, only="", suite=attacks):
    """What a test of the suite finds, on all routes or on the one that is named."""
    try:
        attack = suite.Attack(target)
        attack.routes = [route for route in attack.routes if only in str(route)]
        TESTS[test](suite, attack)
    except pytest.fail.Exception as failed:
        return failed.msg.splitlines()
    return []


def hurry(app, db):
    """Let a database that is thrown away not wait for the disk."""
    app.jinja_env.bytecode_cache = TEMPLATES
    with app.app_context():
        if db.engine.dialect.name == "sqlite":
            pragma = "PRAGMA synchronous = OFF"
            event.listen(db.engine, "connect", lambda made, _: made.execute(pragma))
            db.engine.dispose()


def build(module, new_database, *arguments, **config):
    """An application, and what all of them can do with their accounts."""
    engines = {"default": new_database()}
    config |= {"SECRET_KEY": "testing", "SQLALCHEMY_ENGINES": engines}
    app = module.create_app(config, *arguments)
    hurry(app, module.db)
    return app


def planted(new_database, tmp_path, *holes, **changes):
    folder = tmp_path / "uploads"
    folder.mkdir(exist_ok=True)
    db = open_admin.db
    app = build(open_admin, new_database, holes, UPLOADS=str(folder))
    with app.app_context():
        own, theirs = open_admin.seed()

    def delete_account(name):
        with app.app_context():
            found = select(open_admin.Account).filter_by(name=name)
            db.session.delete(db.session.scalar(found))
            db.session.commit()

    given = {
        "app": app,
        "db": db,
        "log_in": lambda name: open_admin.log_in(app, name),
        "delete_account": delete_account,
        "allowed": "ada",
        "own": own,
        "tenant": "sam",
        "theirs": theirs,
        "ordinary": "eve",
        "reader": "rea",
        "hidden": [open_admin.Invoice.margin],
        "upload": (folder, "a.txt", b"words"),
    }
    return attacks.Target(**given | changes)


# A hole, the test that finds it, and what it says.
HOLES = [
    (
        "open view",
        "visitor",
        "Report.index (/admin/report/): GET by a visitor is answered with 200 OK.",
    ),
    (
        "open endpoint",
        "visitor",
        "InvoiceView.paper (/admin/invoice/paper/): "
        "GET by a visitor is answered with 200 OK.",
    ),
    (
        "beside the views",
        "visitor",
        "Index.backup (/admin/backup): GET by a visitor is answered with 200 OK.",
    ),
    (
        "no roles",
        "ordinary",
        "InvoiceView.delete_view (/admin/invoice/delete/): "
        "POST by an ordinary account is answered with 302 FOUND.",
    ),
    (
        "trusted cookie",
        "deleted",
        "InvoiceView.edit_view (/admin/invoice/edit/): "
        "POST by a deleted account changes invoice, line.",
    ),
    (
        "bare action",
        "change",
        "InvoiceView.action_view (/admin/invoice/action/): "
        "POST by ada with no token changes invoice.",
    ),
    (
        "bare delete",
        "change",
        "InvoiceView.delete_view (/admin/invoice/delete/): "
        "POST by ada with a wrong token changes invoice, line.",
    ),
    (
        "bare post",
        "change",
        "InvoiceView.archive_view (/admin/invoice/archive/): "
        "POST by ada with no token changes invoice.",
    ),
    (
        "writing get",
        "change",
        "InvoiceView.archive_view (/admin/invoice/archive/): "
        "GET by ada with a valid token changes invoice.",
    ),
    (
        "writing head",
        "change",
        "InvoiceView.ping (/admin/invoice/ping/): "
        "HEAD by ada with no token changes invoice.",
    ),
    (
        "writing options",
        "change",
        "InvoiceView.ping (/admin/invoice/ping/): "
        "OPTIONS by ada with no token changes invoice.",
    ),
    (
        "writing reader",
        "reader",
        "InvoiceView.ajax_update (/admin/invoice/ajax/update/): "
        "POST by rea with a valid token changes invoice.",
    ),
    (
        "guessed id",
        "tenant",
        "InvoiceView.details_view (/admin/invoice/details/): GET by ada with id=2 ",
    ),
    (
        "guessed id",
        "tenant",
        "InvoiceView.delete_view (/admin/invoice/delete/): "
        "POST by ada with id=2 changes their rows.",
    ),
    (
        "list edit",
        "tenant",
        "InvoiceView.ajax_update (/admin/invoice/ajax/update/): "
        "POST by ada with id=2 changes their rows.",
    ),
    ("count", "tenant", "CustomerView.index_view (/admin/customer/): GET by ada with "),
    (
        "lookup",
        "tenant",
        "InvoiceView.ajax_lookup (/admin/invoice/ajax/lookup/): GET by ada with ",
    ),
    (
        "relation",
        "tenant",
        "InvoiceView.create_view (/admin/invoice/new/): "
        "POST by ada with customer=2 changes their rows.",
    ),
    (
        "inline rows",
        "tenant",
        "InvoiceView.edit_view (/admin/invoice/edit/): "
        "POST by ada with lines-0-id=2 changes their rows.",
    ),
    (
        "export",
        "tenant",
        "InvoiceView.export (/admin/invoice/export/csv/): GET by ada with ",
    ),
    (
        "unique",
        "tenant",
        "InvoiceView.edit_view (/admin/invoice/edit/): POST by ada with number=S-1 ",
    ),
    (
        "chosen tenant",
        "tenant",
        "InvoiceView.edit_view (/admin/invoice/edit/): "
        "POST by ada with tenant_id=2 changes their rows.",
    ),
    (
        "search",
        "hidden",
        "InvoiceView.index_view (/admin/invoice/): "
        "GET by ada with {'search': '1'} looks at invoice.margin.",
    ),
    (
        "filter",
        "hidden",
        "InvoiceView.index_view (/admin/invoice/): "
        "GET by ada with {'flt0_7': '1'} looks at invoice.margin.",
    ),
    (
        "sort",
        "hidden",
        "InvoiceView.index_view (/admin/invoice/): "
        "GET by ada with {'sort': 0, 'desc': 0} looks at invoice.margin.",
    ),
    (
        "shown",
        "hidden",
        "InvoiceView.details_view (/admin/invoice/details/): "
        "GET by ada shows invoice.margin.",
    ),
    (
        "redirect",
        "redirect",
        "InvoiceView.edit_view (/admin/invoice/edit/): GET by ada with "
        "'http:/elsewhere.example/' as url in the address leads there.",
    ),
    (
        "redirect by form",
        "redirect",
        "InvoiceView.delete_view (/admin/invoice/delete/): POST by ada with "
        "'http:/elsewhere.example/' as url in the form leads there.",
    ),
    (
        "upload path",
        "upload",
        "InvoiceView.edit_view (/admin/invoice/edit/): "
        "POST by ada of a file ../a.txt saves a.txt.",
    ),
    (
        "page upload",
        "upload",
        "InvoiceView.create_view (/admin/invoice/new/): "
        "POST by ada of a file x.svg saves uploads/x.svg.",
    ),
]


@pytest.mark.parametrize(("hole", "test", "said"), HOLES)
def test_a_planted_hole_is_named(hole, test, said, new_database, tmp_path):
    target = planted(new_database, tmp_path, hole)
    found = findings(test, target, said.partition(":")[0])
    assert [line for line in found if line.startswith(said)], found


@pytest.mark.parametrize("test", TESTS)
def test_without_a_hole_nothing_is_found(test, new_database, tmp_path):
    assert findings(test, planted(new_database, tmp_path)) == []


def test_all_holes_at_once(new_database, tmp_path):
    """What an attack changes is undone, so that it hides nothing from the next."""
    holes = {hole for hole, *_ in HOLES}
    for test in ["visitor", "change", "hidden"]:
        target = planted(new_database, tmp_path, *holes - {"trusted cookie"})
        found = findings(test, target)
        for _, by, said in HOLES:
            assert by != test or any(line.startswith(said) for line in found), said


# What makes an attack pass for the wrong reason, and what the suite says then.
VACUOUS = [
    ("no view", {}, "The application has no view of a model."),
    ("", {"own": []}, "`own` has no row to attack."),
    ("", {"theirs": []}, "`theirs` has no row of Invoice."),
    ("", {"upload": None}, "A form takes a file: say in `upload` where it is saved."),
    ("", {"allowed": "eve"}, "InvoiceView.index_view (/admin/invoice/): GET by eve is"),
    ("no lines", {}, "Invoice: the row in `own` has no inline row."),
    (
        "",
        {"fields": {"number": ""}},
        "InvoiceView.edit_view (/admin/invoice/edit/): "
        "POST by ada saves nothing: give `fields` what it accepts.",
    ),
]


@pytest.mark.parametrize(("hole", "changes", "said"), VACUOUS)
def test_an_attack_on_nothing_fails(hole, changes, said, new_database, tmp_path):
    target = planted(new_database, tmp_path, hole, **changes)
    found = findings("allowed", target)
    assert [line for line in found if line.startswith(said)], found
