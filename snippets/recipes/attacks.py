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
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from html import unescape
from inspect import iscoroutinefunction
from io import BytesIO
from itertools import chain, product
from mimetypes import guess_type
from pathlib import Path
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
# How pages end that a browser runs scripts of.
PAGES = [".html", ".htm", ".xhtml", ".xht", ".shtml", ".xml", ".svg"]
# What of a `FileAdmin` takes a folder.
LISTS = ["index", "index_view", "upload", "mkdir"]
# Makes another word, and the same word again.
SWAP = str.maketrans("aeio", "eaoi")
INJECTED = ["' OR 1=1 -- ", "0 OR 1=1"]


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
        self.folders = {Path(target.upload[0])} if target.upload else set()
        # Of two forms that name a field, the one with the values of a row counts.
        routes = sorted(self.find_routes(), key=lambda route: route.name != "edit_view")
        self.routes = routes
        if not any(route.model for route in routes):
            pytest.fail("The application has no view of a model.", pytrace=False)
        self.folders |= {folder(route.view) for route in routes} - {None}
        self.disk = self.stored()
        self.client = self.log_in(target.allowed)
        self.witness, self.seen = None, {}
        self.lists = [route for route in routes if sorts(route)]
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
            held, kinds = vars(view), getattr(view, "export_types", [])
            variants = {
                "action_view": [{"action": n} for n in held.get("_actions_data", {})],
                "ajax_lookup": [{"name": n} for n in held.get("_form_ajax_refs", {})],
                "export": [{"export_type": n} for n in kinds],
            }.get(name, [{}])
            for file in [*folder(view).glob("*.*")][:1] if folder(view) else ():
                place = {"path": "."} if name in LISTS else {"path": file.name}
                place |= {"rowid": file.name, "name": f"x{file.name}"}
                variants = [said | place for said in variants]
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
        tags = "form[method=post i] :is(input, select, textarea)[name]"
        for tag in parse(page).select(f"{tags}:not([name=url], [name=csrf_token])"):
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
        values |= [*route.variants, {}][0]
        return client.get(route.url(values), query_string=values)

    def log_in(self, name):
        client = self.target.log_in(name)
        # The time of a login may be stored.
        self.world = self.read()
        return client

    def read(self):
        """Every row of every table, as another connection sees them."""
        world = {}
        with self.app.app_context(), self.target.db.engine.connect() as connection:
            for table in self.tables:
                rows = connection.execute(select(table).order_by(*table.primary_key))
                world[table] = [dict(row) for row in rows.mappings()]
        return world

    def stored(self):
        """What is in the folders of the application, and in their files."""
        paths = (path for folder in self.folders for path in folder.rglob("*"))
        return {path: path.is_file() and path.read_bytes() for path in paths}

    def write(self, world):
        self.world, disk = world, self.stored()
        for path in sorted(disk.keys() - self.disk, reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        for path in sorted(differing(disk, self.disk) & self.disk.keys()):
            held = self.disk[path]
            path.mkdir() if held is False else path.write_bytes(held)
        with self.app.app_context(), self.target.db.engine.begin() as connection:
            for table in reversed(self.tables):
                connection.execute(table.delete())
            for table in self.tables:
                if world[table]:
                    connection.execute(table.insert(), world[table])

    def reused(self, before):
        """Give the ids of the rows that are gone to others, as a database can."""
        now, allowed = self.read(), self.target.allowed
        with self.app.app_context(), self.target.db.engine.begin() as connection:
            for table, row in [(t, r) for t in self.tables for r in before[t]]:
                pk = tuple(row[each.name] for each in table.primary_key)
                kept = self.rows({table: now[table]}, {(table, pk)}, references=False)
                if kept or {*map(type, pk)} != {int}:
                    continue
                for column in table.columns:
                    value = row[column.name]
                    made = getattr(column.default, "is_callable", False)
                    if column.foreign_keys or not (made or isinstance(value, str)):
                        continue
                    if made:
                        del row[column.name]
                    elif column.unique or len(value) > 15 or allowed in value:
                        row[column.name] = secrets.token_hex()[: len(value)]
                connection.execute(table.insert(), row)
        return self.read()

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
        """What a request changed, and what of it is the other tenant's."""
        now, before, concerned = self.read(), self.world, ""
        names = [table.name for table in self.tables if now[table] != before[table]]
        names = [name for name in names if name not in self.target.noise]
        names += sorted(path.name for path in differing(self.stored(), self.disk))
        if not names:
            return "", ""
        if self.rows(now, self.theirs) != self.rows(before, self.theirs):
            concerned = "their rows"
        elif self.witnessed(now) != self.witnessed(before):
            concerned = f"the lists that {self.target.tenant} sees"
        self.write(before)
        return ", ".join(names), concerned

    def witnessed(self, world):
        """The lists of the other tenant, in a world that is there or was before."""
        world = str(world)
        if self.witness and world not in self.seen:
            lists = [self.get(self.witness, route) for route in self.lists]
            self.seen[world] = [text(self.witness, answer) for answer in lists]
        return self.seen.get(world)

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
        # To say nothing is not the same as to send a token that is empty.
        data |= {"csrf_token": token} if token else {}
        headers = ({"X-CSRFToken": token} if token else {}) | (headers or {})
        options = {"method": method, "headers": headers, "buffered": True}
        url = route.url(data)
        if method in SAFE:
            return client.open(url, query_string=data | ids, **options)
        answer = client.open(url, query_string=ids, data=data, **options)
        if answer.status_code in (400, 415) and tuple not in map(type, data.values()):
            again = client.open(url, query_string=ids, json=data, **options)
            return again if again.status_code < 500 else answer
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


def folder(view):
    """The folder of a ``FileAdmin``, if it is on this machine."""
    path = getattr(getattr(view, "storage", None), "base_path", None)
    return path and Path(path)


def differing(one, other):
    return {key for key in {*one, *other} if one.get(key) != other.get(key)}


def parse(answer):
    return BeautifulSoup(answer.data.decode("utf-8", "replace"), "html.parser")


def key(row):
    return ",".join(map(str, inspect(row).identity))


def content(answer):
    body = answer.data
    if body.startswith(b"PK"):
        # A spreadsheet is an archive.
        with zipfile.ZipFile(BytesIO(body)) as archive:
            parts = [name for name in archive.namelist() if "docProps" not in name]
            body = b"".join(map(archive.read, parts))
    return body.decode("utf-8", "replace")


def text(client, answer):
    """What an answer tells, with its messages, without what is new each time."""
    with client.session_transaction() as browser_session:
        messages = browser_session.pop("_flashes", [])
    told = re.sub(r'"[^"\s<>]{20,}"|\d\d:\d\d:\d\d', "", content(answer))
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
            needs = "give `fields` what it accepts"
            if route.name == "delete_view":
                needs = "put a row that no other refers to first in `own`"
            findings.append(f"{what} saves nothing: {needs}.")
    report(findings)


OUTSIDERS = ["a visitor", "an ordinary account", "a deleted account"]


@pytest.mark.parametrize("who", OUTSIDERS)
def test_an_outsider(attack, who):
    target, clients, findings = attack.target, [attack.app.test_client()], []
    if who == "an ordinary account":
        if target.ordinary is None:
            pytest.skip("`ordinary` is None: every account may use the admin")
        clients = [attack.log_in(target.ordinary)]
    worlds = [attack.world]
    if who == "a deleted account":
        if target.delete_account is None:
            pytest.skip("`delete_account` is None: there are no accounts")
        # One login for each world: an application may end the one that it refuses.
        clients = [attack.log_in(target.allowed) for _ in "ab"]
        _, before = [*map(attack.token, clients)], attack.world
        target.delete_account(target.allowed)
        worlds = [attack.read(), attack.reused(before)]
    names = [who, f"{who} whose id another one has"]
    for name, client, world in zip(names, clients, worlds, strict=False):
        attack.write(world)
        for token in "", attack.token(client):
            sent = attack.every(client, METHODS, token, name)
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
    others = [*filter(None, [attack.target.tenant, attack.target.ordinary])]
    strangers = [attack.app.test_client(), *map(attack.log_in, others)]
    foreign = next(filter(None, map(attack.token, strangers)), "")
    tokens = {attack.token(client): "a valid", foreign: "another client's"}
    for token, what_token in (tokens | {"": "no", "wrong": "a wrong"}).items():
        methods = METHODS if what_token in ("no", "a valid") else METHODS[len(SAFE) :]
        if (who, what_token) == ("allowed", "a valid"):
            methods = SAFE
        for *_, what, _, changed in attack.every(client, methods, token, name):
            if changed:
                findings.append(f"{what} with {what_token} token changes {changed}.")
    report(findings)


def lists(route):
    """What a list can be asked, by a value: to be searched and filtered."""
    if route.name == "ajax_lookup":
        return ["query"]
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
        {(t, name, str(value)) for t, row in rows for name, value in row.items()}
        for rows in (
            attack.rows(attack.world, ids, references=False)
            for ids in (attack.own, attack.theirs)
        )
    )
    values = {value for *_, value in theirs - own} | {*map(key, attack.target.theirs)}
    values = sorted(values - {"None"}) + INJECTED
    for route in attack.routes:
        rows = [r for r in attack.target.theirs if isinstance(r, route.model or object)]
        mine, fields = attack.pk(route.model), attack.target.fields
        ids = [*IDS, *(name for name in fields if str(fields[name]) == mine)]
        for method in {*route.rule.methods} - {"OPTIONS", "HEAD"}:
            asked = [(mine, {})]
            for pk in dict.fromkeys(map(key, rows)):
                asked += [(pk, {})]
                if method != "GET" and not route.rule.arguments:
                    # Some check the first row, or the address, and change another.
                    asked += [([mine, pk], {}), ([pk, mine], {}), ([], {})]
                    asked += [(pk, dict.fromkeys(ids, mine))]
                    asked += [(mine, dict.fromkeys(ids, pk))]
            for (given, query), said in product(asked, route.variants):
                yield method, route, said | dict.fromkeys(ids, given), query
        names = lists(route) or [*fields]
        method = "GET" if "GET" in route.rule.methods else "POST"
        if route.model and route.name in [*SAVES][:3]:
            names = attack.forms[route.view].keys() - {*IDS}
            method = "POST"
        # Also what no form has: whose the row is.
        table = inspect(route.model).local_table if route.model else None
        links = table.foreign_keys if table is not None else ()
        for name in {*names, *(each.parent.name for each in links)}:
            inline = re.fullmatch(r"(.+-\d+)-\w+", name)
            deletes = [{f"del-{inline[1]}": "on"}] if inline else []
            for value in values:
                for said in [*route.variants, *deletes]:
                    yield method, route, said | {name: value}, {}
        for said in sorts(route):
            yield "GET", route, said, {}


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
            attack.witnessed(attack.world)
        token = attack.token(client)
        for number, (method, route, said, query) in enumerate(requests):
            ask = partial(attack.send, client, method, route, token, said, query)
            answer, concerned = text(client, ask()), attack.changed()[1]
            before = told.setdefault(number, answer)
            if before != answer and text(client, ask()) != answer:
                # Such as the numbers of a sequence, which no rollback gives back.
                before, answer = (re.sub(r"\d+", "", s) for s in (before, answer))
            attack.changed()
            if world is not without and (concerned or before != answer):
                does = f"changes {concerned}" if concerned else tells(before, answer)
                shown = [f"{k}={said[k]}" for k in said if k not in IDS[1:]]
                shown += [f"id={query['id']} in the address"] if query else []
                what = f"{route}{method} by {name} with {' and '.join(shown)} {does}."
                findings.setdefault((str(route), method, *said), what)
    report(findings.values())


def words(answer):
    return Counter(re.findall(r"[\w@.-]+", answer))


def tells(without, answer):
    """What an answer says because there are rows of the other tenant."""
    new, gone = words(answer) - words(without), words(without) - words(answer)
    if new or not gone:
        told = " ".join(sorted(new)[:9]) or "by its order or its spaces"
        return f"tells {told} of their rows"
    return f"tells {' '.join(sorted(gone)[:9])} only without their rows"


def test_hidden_columns(attack):
    """No view shows a hidden column, and none sorts, searches or filters by it."""
    if not attack.target.hidden:
        pytest.skip("`hidden` is empty: no column is hidden")
    columns = [attribute.property.columns[0] for attribute in attack.target.hidden]
    client, statements, findings = attack.client, [], []
    token = attack.token(client)
    secret = {(c, str(row[c.name])) for c in columns for row in attack.world[c.table]}
    secret = {(column, value) for column, value in secret if value not in ("None", "")}

    def note(connection, cursor, statement, *rest):
        statements.extend(re.findall("(?s)(?:WHERE|ORDER BY).*", statement))

    def count(column, end="$"):
        """How often a statement chooses or orders its rows by a column."""
        name = rf"\b{column.table.name}(_\d+)?\W{{1,3}}{column.name}\b"
        parts = [re.split(end, each)[0] for each in [*statements, ""]]
        return max(len(re.findall(name, part)) for part in parts)

    event.listen(Engine, "before_cursor_execute", note)
    for route in attack.routes:
        names = lists(route)
        for said, name, (column, value) in product(route.variants, names, secret):
            asks = [said | {name: each} for each in (value, value.translate(SWAP))]
            sent = (attack.send(client, "GET", route, token, each) for each in asks)
            found, missed = ({*words(text(client, answer))} for answer in sent)
            # A page repeats what it was asked.
            if found - missed - {word.translate(SWAP) for word in missed}:
                what = f"{route}GET by {attack.target.allowed} with {asks[0]}"
                findings.append(f"{what} finds rows by {column}.")
        # Each search of a lookup looks at its columns, also the first.
        names = [] if route.name == "ajax_lookup" else names
        asked = [{name: v} for name in names for v in ("1", "2020-01-01")]
        usual = None
        for said in [*route.variants, *asked, *sorts(route)]:
            statements.clear()
            sent = attack.send(client, "GET", route, token, said)
            answer = f"{text(client, sent)} {unescape(content(sent))}"
            usual = usual or {column: count(column, "ORDER BY") for column in columns}
            what = f"{route}GET by {attack.target.allowed}"
            shown = {column for column, value in secret if value in answer}
            findings += [f"{what} shows {column}." for column in shown]
            for column in columns:
                if count(column) > usual[column]:
                    findings.append(f"{what} with {said} looks at {column}.")
    event.remove(Engine, "before_cursor_execute", note)
    report(findings)


def test_a_redirect(attack):
    """No route leads to another site, also where a proxy ends TLS."""
    client, findings, names = (
        attack.client,
        [],
        ["url", "next", "return_url", "Referer"],
    )
    token, pks = attack.token(client), [NOWHERE, None]
    ways = product(["GET", "POST"], ["address", "form"], pks)
    # Behind TLS only a start that names a scheme is judged in another way.
    starts = [("http", start) for start in ["/", *STARTS]]
    starts += [("https", start) for start in STARTS if start.startswith("http")]
    # One name at a time: the check of one may hide another.
    for name, route, (method, place, pk) in product(names, attack.routes, ways):
        formless = method == "GET" or name == "Referer"
        if method not in route.rule.methods or (place == "form" and formless):
            continue
        said = dict.fromkeys(IDS, pk or attack.pk(route.model))
        for scheme, start in starts:
            address = f"{start}elsewhere.example/"
            headers, asked = {"X-Forwarded-Proto": scheme}, {name: address}
            if name == "Referer":
                place, asked, headers = "header", {}, headers | asked
            query, data = (asked, said) if place == "address" else ({}, said | asked)
            answer = attack.send(client, method, route, token, data, query, headers)
            if method == "POST":
                attack.changed()
            location = answer.location or ""
            if start == "/" and "elsewhere.example" not in location:
                break
            if start != "/" and re.match(r"(\w+:)?[/\\\s]*elsewhere\.", location):
                what = f"{route}{method} by {attack.target.allowed} with {address!r}"
                findings.append(f"{what} as {name} in the {place} leads there.")
    report(findings)


def test_an_upload(attack):
    """A file stays in its folder, replaces none, and is no page that runs scripts."""
    if attack.target.upload is None:
        pytest.skip("`upload` is None: no form takes a file")
    _, good, held = attack.target.upload
    token, findings = attack.token(attack.client), []
    mine = str(attack.rows(attack.world, attack.own, references=False))
    # In a `FileAdmin` a file may get another name as well.
    can = [r for r in attack.routes if getattr(r.view, "can_rename", False)]
    renames = [route for route in can if route.name == "rename"]
    mine += str([route.variants for route in renames])
    ends = [*(f"x{end}" for end in PAGES), "x.SVG", f"{good}.html"]
    if not attack.files:
        findings.append("No form takes a file: see `upload`.")
    for route, place in [*attack.files, *product(renames, ["name"])]:
        taken, disk = set(), attack.disk
        for name in [good, f"../{good}", *ends, good]:
            before = {path for each in attack.folders for path in each.parent.glob("*")}
            # A browser says what type it likes.
            file = (BytesIO(held), name, guess_type(good)[0])
            said = route.variants[0] | {place: name if route in renames else file}
            attack.send(attack.client, "POST", route, token, said)
            now, old = attack.stored(), attack.disk
            new = {path for each in attack.folders for path in each.parent.glob("*")}
            new = (new - before) | (now.keys() - old)
            new = {path for path in new if path.is_file()}
            what = f"{route}POST by {attack.target.allowed} of a file {name}"
            for path in new | differing(now, old):
                if path in new and (path not in now or path.suffix.lower() in PAGES):
                    findings.append(f"{what} saves {path.parent.name}/{path.name}.")
                if path in old and path.name not in mine:
                    findings.append(f"{what} replaces {path.parent.name}/{path.name}.")
            if name == good and not new | taken:
                findings.append(f"{what} saves nothing: see `upload`.")
            attack.changed()
            for path in new - now.keys():
                path.unlink()
            # From now on it is a file of somebody else.
            taken = taken or new & now.keys()
            attack.disk = disk | dict.fromkeys(taken, b"")
            attack.write(attack.world)
        attack.disk = disk
        attack.write(attack.world)
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
