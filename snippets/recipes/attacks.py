"""Attack every route of an admin, as each of those who may not use it.

.. testcode::

    import subprocess, sys

    from snippets.recipes import attacks

    command = [sys.executable, "-m", "pytest", "-o", "addopts=-p no:cacheprovider"]
    done = subprocess.run([*command, attacks.__file__], capture_output=True, text=True)
    print(done.stdout.splitlines()[-1].strip("= ").split(" in ")[0])

.. testoutput::

    8 passed, 2 skipped
"""

import os
import re
import secrets
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from inspect import iscoroutinefunction
from io import BytesIO
from itertools import chain, product
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

import pytest
from bs4 import BeautifulSoup
from flask import Flask, abort, current_app, has_app_context, request
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_login import FlaskLoginClient, LoginManager, UserMixin, current_user
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Engine, String, event, inspect, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from werkzeug.local import LocalProxy


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


class Account(UserMixin, Base):
    __tablename__ = "attacks_account"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    token: Mapped[str] = mapped_column(String(64), default=secrets.token_hex)
    tenant: Mapped[str | None] = mapped_column(String(80))

    def get_id(self):
        return self.token


class Invoice(Base):
    __tablename__ = "attacks_invoice"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(20))
    tenant: Mapped[str] = mapped_column(String(80))


login_manager = LoginManager()


def is_path(target):
    """Whether an address is a path, which cannot lead to another site."""
    # Browsers read //host and /\\host as another site, and drop tabs and newlines.
    return re.fullmatch(r"/(?![/\\])[^\s\\]*", target)


@login_manager.user_loader
def load_account(token):
    return db.session.scalar(select(Account).filter_by(token=token))


def protect_admin():
    """Let nobody into a view of the admin but the accounts of a tenant."""
    names = {view.endpoint for view in current_app.extensions["admin"][0]._views}
    if request.blueprint in names:
        if not current_user.is_authenticated:
            return login_manager.unauthorized()
        if current_user.tenant is None:
            abort(403)
        # Flask-Admin's own check takes http:/elsewhere.example for a path.
        if not is_path(request.values.get("url", "/")):
            abort(400)


class InvoiceView(ModelView):
    form_base_class = SecureForm
    form_columns = ["number"]
    column_list = ["number"]
    column_searchable_list = ["number"]
    column_filters = ["number"]
    column_editable_list = ["number"]
    can_view_details = True
    can_export = True

    def get_query(self):
        return super().get_query().filter_by(tenant=current_user.tenant)

    def get_count_query(self):
        owner = self.model.tenant
        return super().get_count_query().filter(owner == current_user.tenant)

    def get_one(self, id):
        return self.get_query().filter_by(id=int(id)).one_or_none()

    def on_model_change(self, form, model, is_created):
        model.tenant = current_user.tenant


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
    login_manager.init_app(app)
    app.before_request(protect_admin)
    with app.app_context():
        Base.metadata.create_all(db.engine)

    admin = Admin(app)
    admin.add_view(InvoiceView(Invoice, db.session))
    return app


# region suite
SAFE = ["GET", "HEAD", "OPTIONS"]
METHODS = [*SAFE, "POST", "PUT", "PATCH", "DELETE"]
IDS = ["id", "rowid", "list_form_pk", "pk"]
NOWHERE = "999999999"
# The routes that save something, and what switches them on.
SAVES = {
    "create_view": "can_create",
    "edit_view": "can_edit",
    "ajax_update": "column_editable_list",
    "delete_view": "can_delete",
}
STARTS = ["https://", "//", "///", "/\\", "/\t/", "http:/", "https:", "javascript://"]


@dataclass(kw_only=True)
class Target:
    """Your application and who may do what in it. None: there is no such thing."""

    app: Flask
    db: Any
    log_in: Callable  # takes the name of an account, returns a test client
    delete_account: Callable | None  # takes the name of an account
    allowed: str  # an account that may use every view
    own: list  # rows that it may change, one of each model that has a view
    tenant: str | None  # an account that may use the views, for other rows
    theirs: list | None  # those rows, of the same models, and all that says whose
    ordinary: str | None  # an account that may use no view
    reader: str | None  # an account that may see the views and change nothing
    hidden: list  # columns that no view may show, sort, search or filter by
    upload: tuple | None  # a folder, and the name and content of a file to save there
    login: str = "/login"  # where somebody without a login is sent
    public: tuple = ()  # endpoints that are open to everybody
    shared: tuple = ()  # models whose rows belong to all
    noise: tuple = ()  # names of tables that any request may change, such as a log
    fields: dict = field(default_factory=dict)  # values that your routes accept


class Route(NamedTuple):
    view: Any
    model: Any
    name: str
    rule: Any
    variants: list  # what has to be said to reach each part of it

    def url(self, values):
        """The address for some values; what is missing there is an id."""
        names = self.rule.arguments
        built = self.rule.build({n: values.get(n, values["id"]) for n in names})
        if built is None:
            pytest.fail(f"{self}give `fields` what it takes.", pytrace=False)
        return built[1]

    def __str__(self):
        return f"{type(self.view).__name__}.{self.name} ({self.rule.rule}): "


class Attack:
    """Sends requests to every route of the admin and sees what they change."""

    def __init__(self, target):
        self.target, self.app = target, target.app
        # An error is an answer here, also where the application is testing.
        self.app.config["PROPAGATE_EXCEPTIONS"] = False
        if not target.own:
            pytest.fail("`own` has no row to attack.", pytrace=False)
        self.tables = inspect(target.own[0]).mapper.local_table.metadata.sorted_tables
        self.own, self.theirs = (
            {(inspect(row).mapper.local_table, inspect(row).identity) for row in rows}
            for rows in (target.own, target.theirs or [])
        )
        self.world, self.forms, self.files = self.read(), {}, []
        # Of two forms that name a field, the one with the values of a row counts.
        routes = sorted(self.find_routes(), key=lambda route: route.name != "edit_view")
        self.routes = routes
        if not any(route.model for route in routes):
            pytest.fail("The application has no view of a model.", pytrace=False)
        self.client = self.log_in(target.allowed)
        self.witness = self.seen = None
        for route in routes:
            form = self.forms.setdefault(route.view, {})
            if "GET" in route.rule.methods:
                form.update(self.form(route) | form)
        self.changed()

    def find_routes(self):
        admins = self.app.extensions.get("admin", [])
        views = {view.endpoint: view for admin in admins for view in admin._views}
        for rule in self.app.url_map.iter_rules() if views else ():
            blueprint, _, name = rule.endpoint.rpartition(".")
            # A page beside the views is found as easily as they are.
            for admin in admins:
                beside = admin.url != "/" and rule.rule.startswith(f"{admin.url}/")
                view = views.get(blueprint) or (admin.index_view if beside else None)
                if view:
                    break
            if not view or name == "static" or rule.endpoint in self.target.public:
                continue
            held = vars(view)
            variants = {
                "action_view": [{"action": n} for n in held.get("_actions_data", {})],
                "ajax_lookup": [{"name": n} for n in held.get("_form_ajax_refs", {})],
                "export": [
                    {"export_type": n} for n in getattr(view, "export_types", [])
                ],
            }.get(name, [{}])
            yield Route(view, getattr(view, "model", None), name, rule, variants)

    def pk(self, model):
        """The id of your own row of a model."""
        for row in self.target.own:
            if isinstance(row, model or object):
                return key(row)
        pytest.fail(f"`own` has no row of {model.__name__}.", pytrace=False)

    def form(self, route):
        """What a browser sends for the forms of a page, with its texts changed."""
        page, data = self.get(self.client, route), {}
        for tag in parse(page).select(
            "form[method=post i] :is(input, select, textarea)[name]:not([name=url])"
        ):
            kind, value = tag.get("type", tag.name), tag.get("value", "")
            if kind == "select":
                chosen = tag.select("option[selected]") or tag.select("option")[:1]
                value = [option["value"] for option in chosen]
            elif kind in ("text", "textarea") and not tag.get("data-role"):
                value = f"{value}{tag.get_text().strip()}x"
                value = value[-int(tag.get("maxlength", 999)) :]
            if kind == "file":
                self.files.append((route, tag["name"]))
            elif kind not in ("checkbox", "radio", "submit") or tag.has_attr("checked"):
                data[tag["name"]] = value
        return data

    def get(self, client, route):
        values = self.target.fields | {"id": self.pk(route.model)}
        url = route.url(values | {"export_type": "csv"})
        return client.get(url, query_string=values)

    def log_in(self, name):
        client = self.target.log_in(name)
        # The time of a login may be stored.
        self.world = self.read()
        return client

    def read(self):
        """Every row of every table, as another connection sees them."""
        with self.app.app_context(), self.target.db.engine.connect() as connection:
            return {
                table: [
                    dict(row._mapping)
                    for row in connection.execute(
                        select(table).order_by(*table.primary_key)
                    )
                ]
                for table in self.tables
            }

    def write(self, world):
        self.world = world
        with self.app.app_context(), self.target.db.engine.begin() as connection:
            for table in reversed(self.tables):
                connection.execute(table.delete())
            for table in self.tables:
                if world[table]:
                    connection.execute(table.insert(), world[table])

    def rows(self, world, ids, references=True):
        """The rows with these ids, and those that refer to them."""
        found = []
        for table, rows in world.items():
            for row in rows:
                names = {(table, tuple(row[each.name] for each in table.primary_key))}
                for each in table.foreign_keys if references else ():
                    names.add((each.column.table, (row[each.parent.name],)))
                found += [(table, row)] if names & ids else []
        return found

    def changed(self):
        """The tables that a request changed, and whether that concerns their rows."""
        now, before = self.read(), self.world
        tables = [table.name for table in self.tables if now[table] != before[table]]
        tables = [name for name in tables if name not in self.target.noise]
        if not tables:
            return "", False
        concerned = self.rows(now, self.theirs) != self.rows(before, self.theirs)
        concerned = concerned or self.witnessed() != self.seen
        self.write(before)
        return ", ".join(tables), concerned

    def witnessed(self):
        """What the other tenant sees of its rows."""
        lists = [route for route in self.routes if sorts(route)]
        seen = self.witness and [self.get(self.witness, route) for route in lists]
        return seen and [text(self.witness, answer) for answer in seen]

    def token(self, client):
        """A CSRF token for the forms of a client, or nothing if no page shows one."""
        pages = (self.get(client, route) for route in self.routes)
        for page in chain([client.get(self.target.login)], pages):
            self.changed()
            if tag := parse(page).select_one("form [name=csrf_token]"):
                return tag["value"]
        return ""

    def send(self, client, method, route, token, said, query=None, headers=None):
        ids = dict.fromkeys(IDS, self.pk(route.model))
        data = self.forms[route.view] | self.target.fields | ids | said
        ids = {name: data[name] for name in IDS} | (query or {})
        data |= {"csrf_token": token}
        headers = {"X-CSRFToken": token} | (headers or {})
        options = {"method": method, "headers": headers, "buffered": True}
        url = route.url(data)
        if method in SAFE:
            return client.open(url, query_string=data | ids, **options)
        answer = client.open(url, query_string=ids, data=data, **options)
        if answer.status_code == 415:
            return client.open(url, query_string=ids, json=data, **options)
        return answer

    def every(self, client, methods, token, who):
        """Send each method to each route: its name, its answer, what it changed."""
        for method in methods:
            for route in self.routes:
                for said in route.variants:
                    answer = self.send(client, method, route, token, said)
                    what, (changed, _) = f"{route}{method} by {who}", self.changed()
                    yield method, route, what, answer, changed

    def refused(self, method, answer):
        if answer.status_code // 100 == 3:
            return urlsplit(answer.location).path == self.target.login
        automatic = method == "OPTIONS" and "Allow" in answer.headers
        refused = answer.status_code in (400, 401, 403, 404, 405)
        return refused or (automatic and not answer.data)


def parse(answer):
    return BeautifulSoup(answer.data.decode("utf-8", "replace"), "html.parser")


def key(row):
    return ",".join(map(str, inspect(row).identity))


def text(client, answer):
    """What an answer tells, with its messages, without what is new each time."""
    body = answer.data
    if body.startswith(b"PK"):
        # A spreadsheet is an archive.
        with zipfile.ZipFile(BytesIO(body)) as archive:
            parts = [name for name in archive.namelist() if "docProps" not in name]
            body = b"".join(map(archive.read, parts))
    with client.session_transaction() as browser_session:
        messages = browser_session.pop("_flashes", [])
    told = re.sub(r'"[^"\s<>]{20,}"', "", body.decode("utf-8", "replace"))
    return unescape(f"{answer.status} {answer.location} {messages} {told}")


def report(findings):
    if findings := list(dict.fromkeys(findings)):
        pytest.fail("\n".join(findings), pytrace=False)


@pytest.fixture
def attack(target):
    return Attack(target)


def test_the_allowed_account(attack):
    """Where it is refused too, a refusal to others proves nothing."""
    target, findings = attack.target, []
    for model in {route.model for route in attack.routes} - {None, *target.shared}:
        rows = [model()] if target.theirs is None else target.theirs
        if not any(isinstance(row, model) for row in rows):
            findings.append(f"`theirs` has no row of {model.__name__}.")
    if attack.files and target.upload is None:
        findings.append("A form takes a file: say in `upload` where it is saved.")
    for view, form in attack.forms.items():
        if getattr(view, "inline_models", None) and not any("-0-" in n for n in form):
            findings.append(f"{view.name}: the row in `own` has no inline row.")
    methods = [method for method in METHODS if method not in ("HEAD", "OPTIONS")]
    for method, route, what, answer, changed in attack.every(
        attack.client, methods, attack.token(attack.client), target.allowed
    ):
        saves = route.model and method == "POST" and route.name in SAVES
        on = getattr(route.view, SAVES.get(route.name, ""), True)
        if route.name == "action_view":
            # A list whose rows take no action has no form for it.
            on = "action" in attack.forms[route.view]
        if method not in route.rule.methods or not on:
            continue
        if attack.refused(method, answer) or answer.status_code >= 500:
            why = "so a rejection of others proves nothing: see `own` and `fields`"
            findings.append(f"{what} is answered with {answer.status}, {why}.")
        elif saves and not changed:
            findings.append(f"{what} saves nothing: give `fields` what it accepts.")
    report(findings)


OUTSIDERS = ["a visitor", "an ordinary account", "a deleted account"]


@pytest.mark.parametrize("who", OUTSIDERS)
def test_an_outsider(attack, who):
    target, client, findings = attack.target, attack.app.test_client(), []
    if who == "an ordinary account":
        if target.ordinary is None:
            pytest.skip("`ordinary` is None: every account may use the admin")
        client = attack.log_in(target.ordinary)
    elif who == "a deleted account":
        if target.delete_account is None:
            pytest.skip("`delete_account` is None: there are no accounts")
        client = attack.log_in(target.allowed)
        attack.token(client)
        target.delete_account(target.allowed)
        attack.world = attack.read()
    for token in "", attack.token(client):
        sent = attack.every(client, METHODS, token, who)
        for method, _, what, answer, changed in sent:
            if changed:
                findings.append(f"{what} changes {changed}.")
            elif not attack.refused(method, answer):
                findings.append(f"{what} is answered with {answer.status}.")
    report(findings)


@pytest.mark.parametrize("who", ["allowed", "reader"])
def test_a_change(attack, who):
    """Reading changes nothing, nor does a request without a token, nor a reader."""
    name = getattr(attack.target, who)
    if name is None:
        pytest.skip(f"`{who}` is None: no account may only read")
    client, findings = attack.log_in(name), []
    valid = attack.token(client)
    for token, what_token in ("", "no"), ("wrong", "a wrong"), (valid, "a valid"):
        methods = SAFE if (who, token) == ("allowed", valid) else METHODS
        for *_, what, _, changed in attack.every(client, methods, token, name):
            if changed:
                findings.append(f"{what} with {what_token} token changes {changed}.")
    report(findings)


def lists(route):
    """What a list can be asked, by a value: to be searched and filtered."""
    if route.model is None or route.name not in ("index_view", "export"):
        return []
    filters = route.view._filter_args if route.name == "index_view" else {}
    return ["search", *(f"flt0_{name}" for name in filters or {})]


def sorts(route):
    is_list = route.model and route.name == "index_view"
    columns = range(len(route.view._list_columns)) if is_list else ()
    return [{"sort": number, "desc": desc} for number in columns for desc in (0, 1)]


def tries(attack):
    """Every request that names something of the other tenant, or lists rows."""
    own, theirs = (
        {str(value) for _, row in rows for value in row.values()}
        for rows in (
            attack.rows(attack.world, attack.own, references=False),
            attack.rows(attack.world, attack.theirs, references=False),
        )
    )
    values = sorted(theirs - own - {"None"})
    for route in attack.routes:
        rows = [r for r in attack.target.theirs if isinstance(r, route.model or object)]
        mine, fields = attack.pk(route.model), attack.target.fields
        ids = [*IDS, *(name for name in fields if str(fields[name]) == mine)]
        for method in {*route.rule.methods} - {"OPTIONS", "HEAD"}:
            for pk in dict.fromkeys(map(key, rows)):
                for said in route.variants:
                    yield method, route, said | dict.fromkeys(ids, pk)
        names = lists(route) or [*fields]
        method = "GET" if "GET" in route.rule.methods else "POST"
        if route.name == "ajax_lookup":
            names = ["query"]
        elif route.model and route.name in [*SAVES][:3]:
            names = attack.forms[route.view].keys() - {"csrf_token", *IDS}
            method = "POST"
        for name in names:
            inline = re.fullmatch(r"(.+-\d+)-\w+", name)
            deletes = [{f"del-{inline[1]}": "on"}] if inline else []
            for value in values:
                for said in [*route.variants, *deletes]:
                    yield method, route, said | {name: value}
        for said in sorts(route):
            yield "GET", route, said


def test_another_tenant(attack):
    """No answer tells whether the rows of another tenant exist, and none changes."""
    if attack.target.theirs is None:
        pytest.skip("`theirs` is None: every row belongs to all")
    requests, name, findings = list(tries(attack)), attack.target.allowed, {}
    theirs = attack.rows(attack.world, attack.theirs)
    without = {
        table: [row for row in rows if (table, row) not in theirs]
        for table, rows in attack.world.items()
    }
    told = {}
    for world in without, attack.world:
        attack.write(world)
        client = attack.log_in(name)
        if world is not without and attack.target.tenant:
            attack.witness = attack.log_in(attack.target.tenant)
            attack.seen = attack.witnessed()
        token = attack.token(client)
        for number, (method, route, said) in enumerate(requests):
            answer = text(client, attack.send(client, method, route, token, said))
            concerned = attack.changed()[1] and world is not without
            before = told.setdefault(number, answer)
            new = words(answer) - words(before)
            if concerned or before != answer:
                told_of = " ".join(sorted(new)[:9])
                does = "changes" if concerned else f"tells {told_of} of"
                shown = " and ".join(f"{k}={said[k]}" for k in said if k not in IDS[1:])
                what = f"{route}{method} by {name} with {shown} {does} their rows."
                findings.setdefault((str(route), method, *said), what)
    report(findings.values())


def words(answer):
    return {*re.findall(r"[\w@.-]+", answer)}


def test_hidden_columns(attack):
    """No view shows a hidden column, and none sorts, searches or filters by it."""
    if not attack.target.hidden:
        pytest.skip("`hidden` is empty: no column is hidden")
    columns = [attribute.property.columns[0] for attribute in attack.target.hidden]
    client, statements, findings = attack.client, [], []
    token = attack.token(client)

    def note(connection, cursor, statement, *rest):
        statements.append(re.split("WHERE|ORDER BY", statement, maxsplit=1)[1:])

    def count(column):
        """How often a statement chooses or orders its rows by a column."""
        name = rf"\b{column.table.name}(_\d+)?\W{{1,3}}{column.name}\b"
        return max(len(re.findall(name, str(each))) for each in [*statements, ""])

    event.listen(Engine, "before_cursor_execute", note)
    for route in attack.routes:
        asked = [{name: v} for name in lists(route) for v in ("1", "2020-01-01")]
        usual = None
        for said in [*route.variants, *asked, *sorts(route)]:
            statements.clear()
            answer = text(client, attack.send(client, "GET", route, token, said))
            usual = usual or {column: count(column) for column in columns}
            for column in columns:
                stored = {str(row[column.name]) for row in attack.world[column.table]}
                what = f"{route}GET by {attack.target.allowed}"
                if any(value in answer for value in stored - {"None", ""}):
                    findings.append(f"{what} shows {column}.")
                if count(column) > usual[column]:
                    findings.append(f"{what} with {said} looks at {column}.")
    event.remove(Engine, "before_cursor_execute", note)
    report(findings)


def test_a_redirect(attack):
    """No route leads to another site, also where a proxy ends TLS."""
    client, findings = attack.client, []
    token = attack.token(client)
    ways = [
        ("GET", "address", NOWHERE, "http"),
        ("GET", "address", None, "http"),
        ("GET", "address", NOWHERE, "https"),
        ("POST", "address", NOWHERE, "http"),
        ("POST", "form", NOWHERE, "http"),
        ("POST", "form", None, "https"),
    ]
    for start, route, (method, place, pk, scheme) in product(
        STARTS, attack.routes, ways
    ):
        if method not in route.rule.methods:
            continue
        address = f"{start}elsewhere.example/"
        asked = dict.fromkeys(["url", "next", "return_url"], address)
        said = dict.fromkeys(IDS, pk or attack.pk(route.model))
        query, data = (asked, said) if place == "address" else ({}, said | asked)
        headers = {"X-Forwarded-Proto": scheme}
        answer = attack.send(client, method, route, token, data, query, headers)
        attack.changed()
        if re.match(r"(\w+:)?[/\\\s]*elsewhere\.example", answer.location or ""):
            what = f"{route}{method} by {attack.target.allowed} with {address!r}"
            findings.append(f"{what} as url in the {place} leads there.")
    report(findings)


def test_an_upload(attack):
    """A file stays in its folder, and none is a page that runs scripts."""
    if attack.target.upload is None:
        pytest.skip("`upload` is None: no form takes a file")
    folder, good, content = attack.target.upload
    token, findings = attack.token(attack.client), []
    if not attack.files:
        findings.append("No form takes a file: see `upload`.")
    names = [good, f"../{good}", "x.html", "x.svg"]
    for (route, place), name in product(attack.files, names):
        before = {*folder.parent.rglob("*")}
        said = {place: (BytesIO(content), name)}
        attack.send(attack.client, "POST", route, token, said)
        attack.changed()
        new = {path for path in folder.parent.rglob("*") if path.is_file()} - before
        what = f"{route}POST by {attack.target.allowed} of a file {name}"
        if name == good and not new:
            findings.append(f"{what} saves nothing: see `upload`.")
        for path in new:
            if folder not in path.parents or path.suffix in (".html", ".svg"):
                findings.append(f"{what} saves {path.relative_to(folder.parent)}.")
            path.unlink()
    report(findings)


# endregion suite


# region target
@pytest.fixture
def target(tmp_path):
    """The application under attack, with a database and a folder of its own."""
    engines = {"default": f"sqlite:///{tmp_path}/test.db"}
    app = create_app({"TESTING": True, "SQLALCHEMY_ENGINES": engines})
    app.test_client_class = FlaskLoginClient
    own = [Invoice(number="N-1", tenant="North")]
    theirs = [Invoice(number="S-1", tenant="South")]
    with app.app_context():
        for name, tenant in ("ada", "North"), ("sam", "South"), ("eve", None):
            db.session.add(Account(name=name, tenant=tenant))
        db.session.add_all([*own, *theirs])
        db.session.commit()

    def log_in(name):
        with app.app_context():
            account = db.session.scalar(select(Account).filter_by(name=name))
            return app.test_client(user=account)

    def delete_account(name):
        with app.app_context():
            account = db.session.scalar(select(Account).filter_by(name=name))
            db.session.delete(account)
            db.session.commit()

    return Target(
        app=app,
        db=db,
        log_in=log_in,
        allowed="ada",
        own=own,
        theirs=theirs,
        tenant="sam",
        ordinary="eve",
        reader=None,
        delete_account=delete_account,
        hidden=[Account.token],
        upload=None,
    )


# endregion target
