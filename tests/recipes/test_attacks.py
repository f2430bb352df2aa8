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
        "hidden": [open_admin.Invoice.margin, open_admin.Customer.note],
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
        "id in the address",
        "tenant",
        "InvoiceView.print_view (/admin/invoice/print/<int:id>/): "
        "GET by ada with id=2 tells 200 OK S-1 of their rows.",
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
        "POST by ada with lines-0-id=3 changes their rows.",
    ),
    (
        "export",
        "tenant",
        "InvoiceView.export (/admin/invoice/export/<export_type>/): GET by ada with ",
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
        "default sort",
        "hidden",
        "InvoiceView.index_view (/admin/invoice/): "
        "GET by ada with {} looks at invoice.margin.",
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
        "POST by ada of a file ../a.txt saves ",
    ),
    (
        "page upload",
        "upload",
        "InvoiceView.create_view (/admin/invoice/new/): "
        "POST by ada of a file x.svg saves uploads/",
    ),
    (
        "reused id",
        "deleted",
        "InvoiceView.edit_view (/admin/invoice/edit/): POST by a deleted account whose "
        "id another one has changes invoice, line.",
    ),
    (
        "no form",
        "change",
        "InvoiceView.archive_view (/admin/invoice/archive/): "
        "POST by ada with no token changes invoice.",
    ),
    (
        "no token",
        "change",
        "InvoiceView.archive_view (/admin/invoice/archive/): "
        "POST by ada with no token changes invoice.",
    ),
    (
        "any token",
        "change",
        "InvoiceView.archive_view (/admin/invoice/archive/): "
        "POST by ada with another client's token changes invoice.",
    ),
    (
        "first row",
        "tenant",
        "InvoiceView.action_view (/admin/invoice/action/): "
        "POST by ada with action=archive and id=['1', '2'] changes their rows.",
    ),
    (
        "no ids",
        "tenant",
        "InvoiceView.action_view (/admin/invoice/action/): "
        "POST by ada with action=archive and id=[] changes their rows.",
    ),
    (
        "checked address",
        "tenant",
        "InvoiceView.delete_view (/admin/invoice/delete/): "
        "POST by ada with id=2 and id=1 in the address changes their rows.",
    ),
    (
        "choices",
        "tenant",
        "InvoiceView.print_view (/admin/invoice/print/<int:id>/): "
        "GET by ada with id=1 tells South Traders of their rows.",
    ),
    (
        "injection",
        "tenant",
        "InvoiceView.ajax_lookup (/admin/invoice/ajax/lookup/): GET by ada with "
        "name=customer and query=' OR 1=1 --  tells 2 South Traders of their rows.",
    ),
    (
        "named owner",
        "tenant",
        "CustomerView.edit_view (/admin/customer/edit/): POST by ada with "
        "name=South Traders changes the lists that sam sees.",
    ),
    (
        "secret lookup",
        "hidden",
        "InvoiceView.ajax_lookup (/admin/invoice/ajax/lookup/): GET by ada with "
        "{'name': 'customer', 'query': 'a-note-on-North-that-nobody-sees'} "
        "finds rows by customer.note.",
    ),
    (
        "secret field",
        "hidden",
        "CustomerView.edit_view (/admin/customer/edit/): "
        "GET by ada shows customer.note.",
    ),
    (
        "redirect by next",
        "redirect",
        "InvoiceView.archive_view (/admin/invoice/archive/): POST by ada with "
        "'https://elsewhere.example/' as next in the form leads there.",
    ),
    (
        "referrer",
        "redirect",
        "InvoiceView.archive_view (/admin/invoice/archive/): POST by ada with "
        "'https://elsewhere.example/' as Referer in the header leads there.",
    ),
    (
        "page by another name",
        "upload",
        "InvoiceView.create_view (/admin/invoice/new/): "
        "POST by ada of a file x.SVG saves uploads/",
    ),
    (
        "page by its type",
        "upload",
        "InvoiceView.create_view (/admin/invoice/new/): "
        "POST by ada of a file x.xhtml saves uploads/",
    ),
    (
        "replacing upload",
        "upload",
        "InvoiceView.create_view (/admin/invoice/new/): "
        "POST by ada of a file a.txt replaces uploads/a.txt.",
    ),
    (
        "open files",
        "visitor",
        "Files.index_view (/admin/files/): GET by a visitor is answered with 200 OK.",
    ),
    (
        "bare files",
        "change",
        "Files.delete (/admin/files/delete/): "
        "POST by ada with no token changes note.txt.",
    ),
    (
        "page files",
        "upload",
        "Files.upload (/admin/files/upload/): "
        "POST by ada of a file x.html saves files/x.html.",
    ),
    (
        "renamed page",
        "upload",
        "Files.rename (/admin/files/rename/): "
        "POST by ada of a file x.html saves files/x.html.",
    ),
    (
        "any field",
        "tenant",
        "InvoiceView.edit_view (/admin/invoice/edit/): "
        "POST by ada with tenant_id=2 changes their rows.",
    ),
]


@pytest.mark.parametrize(("hole", "test", "said"), HOLES, ids=lambda value: value[:18])
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
        # One lets everybody in, the other takes the place of the lookup.
        others = holes - {"trusted cookie", "injection"}
        target = planted(new_database, tmp_path, *others)
        found = findings(test, target)
        for _, by, said in HOLES:
            assert by != test or any(line.startswith(said) for line in found), said


@pytest.mark.parametrize(
    ("without", "answer", "said"),
    [
        ("1 row", "1 row S-1", "tells S-1 of their rows"),
        ("1 row", "1 row 1 row", "tells 1 row of their rows"),
        ("2 rows: N-1", "2 rows", "tells N-1 only without their rows"),
        ("a b", "b a", "tells by its order or its spaces of their rows"),
    ],
)
def test_a_finding_says_what_differs(without, answer, said):
    assert attacks.tells(without, answer) == said


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


def recipe(name, new_database):
    """A program of the guide as a target: itself, its application, what it holds."""
    module = importlib.import_module(f"snippets.recipes.{name}")
    app = build(module, new_database)

    def delete_account(name):
        with app.app_context():
            found = select(module.Account).filter_by(name=name)
            module.db.session.delete(module.db.session.scalar(found))
            module.db.session.commit()

    def log_in(name):
        client = app.test_client()
        with app.app_context(), client.session_transaction() as cookie:
            found = select(module.Account).filter_by(name=name)
            cookie["_user_id"] = module.db.session.scalar(found).get_id()
        return client

    def add(*rows):
        with app.app_context():
            module.db.session.add_all(rows)
            module.db.session.commit()

    def rows(number, *models):
        with app.app_context():
            return [module.db.session.get(model, number) for model in models]

    given = dict.fromkeys(["tenant", "theirs", "ordinary", "reader", "upload"])
    given |= {"app": app, "db": module.db, "allowed": "ada", "hidden": []}
    if hasattr(module, "Account"):
        given |= {"log_in": log_in, "delete_account": delete_account}
        given["hidden"] = [module.Account.token, module.Account.password_hash]
    else:
        given |= {"log_in": lambda name: app.test_client(), "delete_account": None}
    return SimpleNamespace(module=module, given=given, add=add, rows=rows)


def make(module, name, **values):
    return module.Account(name=name, password_hash=f"hash of {name}", **values)


def flask_login(new_database):
    found = recipe("flask_login", new_database)
    found.add(make(found.module, "ada"))
    return found.given | {"own": found.rows(1, found.module.Post)}


def protected_admin(new_database):
    found = recipe("protected_admin", new_database)
    for name, is_admin in ("ada", True), ("eve", False):
        found.add(make(found.module, name, is_admin=is_admin))
    return found.given | {"own": found.rows(1, found.module.Post), "ordinary": "eve"}


def tenants(new_database):
    found = recipe("tenants", new_database)
    module = found.module
    for name, tenant in ("ada", 1), ("sam", 2):
        found.add(make(module, name, tenant_id=tenant))
    lone = [module.Customer(name="Lone", tenant_id=1)]
    lone.append(module.Product(name="Lone", tenant_id=1))
    found.add(*lone)
    models = [module.Customer, module.Product, module.Invoice, module.Line]
    theirs = found.rows(2, module.Tenant, *models)
    return found.given | {
        "own": [*lone, *found.rows(1, *models)],
        "theirs": theirs,
        "tenant": "sam",
    }


def read_only(new_database):
    found = recipe("read_only", new_database)
    return found.given | {"own": found.rows(1, found.module.Post), "reader": "anybody"}


def csrf(new_database):
    found = recipe("csrf", new_database)
    return found.given | {"own": found.rows(1, found.module.Post)}


def soft_delete(new_database):
    found = recipe("soft_delete", new_database)
    own, theirs = (found.rows(number, found.module.Note) for number in (1, 2))
    return found.given | {"own": own, "theirs": theirs}


def flask_security(new_database):
    pytest.importorskip("flask_security", reason="it is not in this environment")
    found = recipe("flask_security", new_database)
    Member, Role = found.module.Member, found.module.Role
    roles = {"ada": [Role(name="admin")], "eve": [], "bob": []}
    for name in roles:
        email = f"{name}@example.com"
        member = Member(email=email, password=f"hash of {name}", active=True)
        member.fs_uniquifier, member.roles = f"token of {name}", roles[name]
        found.add(member)

    def find(name):
        return select(Member).filter_by(email=f"{name}@example.com")

    def log_in(name):
        client = found.given["app"].test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"] = f"token of {name}"
        return client

    def delete_account(name):
        with found.given["app"].app_context():
            found.module.db.session.delete(found.module.db.session.scalar(find(name)))
            found.module.db.session.commit()

    bob = found.rows(3, Member)
    return found.given | {
        "own": [*found.rows(1, found.module.Post), *bob],
        "ordinary": "eve",
        "log_in": log_in,
        "delete_account": delete_account,
        "hidden": [Member.password, Member.fs_uniquifier],
        "fields": {"roles": ["1"]},
    }


RECIPES = [
    (flask_login, {"allowed", "visitor", "deleted", "change", "hidden"}),
    (protected_admin, {"allowed", "visitor", "ordinary", "deleted", "change"}),
    (tenants, {"allowed", "visitor", "deleted", "change", "tenant"}),
    (read_only, {"allowed", "change", "reader"}),
    (csrf, {"allowed", "change"}),
    (soft_delete, {"allowed", "change", "tenant"}),
    (
        flask_security,
        {"allowed", "visitor", "ordinary", "deleted", "change", "hidden"},
    ),
]


@pytest.mark.parametrize(
    ("recipe", "test"),
    [(recipe, test) for recipe, tests in RECIPES for test in sorted(tests)],
)
def test_a_recipe_for_access(recipe, test, new_database, monkeypatch):
    monkeypatch.setenv("SECURITY_PASSWORD_SALT", "testing")
    target = attacks.Target(**recipe(new_database))
    assert findings(test, target) == []


# A login of the guide checks the address only; what is read-only takes no form.
PLACES = {each: set() for each in (flask_login, protected_admin, tenants)}
PLACES[read_only] = {"address"}


@pytest.mark.parametrize("recipe", [recipe for recipe, tests in RECIPES])
def test_a_redirect_of_a_recipe(recipe, new_database, monkeypatch):
    """Flask-Admin takes http:/elsewhere.example for a path; where nothing guards it."""
    monkeypatch.setenv("SECURITY_PASSWORD_SALT", "testing")
    found = findings("redirect", attacks.Target(**recipe(new_database)))
    assert all("with 'http:/elsewhere.example/'" in line for line in found)
    places = {re.search(r"in the (\w+) leads", line)[1] for line in found}
    assert places == PLACES.get(recipe, {"address", "form"})


@pytest.mark.parametrize(
    ("line", "replacement", "hole"),
    [
        ('SAFE = ["GET", "HEAD", "OPTIONS"]', 'SAFE = ["GET"]', "writing head"),
        ("or rule.endpoint in self.target.public", "or True", "open view"),
        ("if beside else None", "if False else None", "beside the views"),
        ('"buffered": True}', '"buffered": True, "method": "GET"}', "bare post"),
        (
            "if self.rows(now, self.theirs) != self.rows(before, self.theirs):",
            "if False:",
            "inline rows",
        ),
        ("self.witnessed(now) != self.witnessed(before)", "False", "named owner"),
        ("        attack.write(world)\n        client", "        client", "export"),
        ("[attack.read(), attack.reused(before)]", "[attack.read()] * 2", "reused id"),
        ("([mine, pk], {}), ", "", "first row"),
        (", ([], {})]", "]", "no ids"),
        ("asked += [(pk, dict.fromkeys(ids, mine))]", "", "checked address"),
        ("asked = [(mine, {})]", "asked = []", "choices"),
        ("+ INJECTED", "", "injection"),
        (
            "{value for *_, value in theirs - own} | {*map(key, attack.target.theirs)}",
            "{v for *_, v in theirs} - {v for *_, v in own}",
            "relation",
        ),
        ("if count(column) > usual[column]:", "if False:", "search"),
        ('count(column, "ORDER BY")', "count(column)", "default sort"),
        ('return ["query"]', "return []", "secret lookup"),
        (" {unescape(content(sent))}", "", "secret field"),
        ("said | asked)", "said)", "redirect by form"),
        ("{name: address}", "dict.fromkeys(names, address)", "redirect by next"),
        ("headers | asked", "headers", "referrer"),
        ('f"../{good}"', "good", "upload path"),
        (', "x.SVG"', "", "page by another name"),
        (", guess_type(good)[0])", ")", "page by its type"),
        ('disk | dict.fromkeys(taken, b"")', "disk", "replacing upload"),
        ("self.folders |=", "_ =", "page files"),
        ('*product(renames, ["name"])', "", "renamed page"),
        ("*(each.parent.name for each in links)", "", "any field"),
        ("names += sorted(path.name", "_ = (path.name", "bare files"),
        ('{"csrf_token": token} if token else {}', '{"csrf_token": token}', "no token"),
        ("in (400, 415)", "== 415", "no form"),
        ('foreign: "another client\'s"', "", "any token"),
    ],
)
def test_removal(line, replacement, hole, new_database, tmp_path):
    suite = without(attacks, line, replacement)
    [(test, said)] = [each[1:] for each in HOLES if each[0] == hole]
    target = planted(new_database, tmp_path, hole)
    found = findings(test, target, said.partition(":")[0], suite)
    assert not [line for line in found if line.startswith(said)]
