"""Two recipes in one application: both promises hold, or fail exactly as claimed."""

import importlib
import io
import re
import sqlite3
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from textwrap import dedent
from weakref import WeakSet

import pytest
from bs4 import BeautifulSoup
from flask import g, has_request_context
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.filters import IntEqualFilter
from flask_login import current_user
from sqlalchemy import DateTime, ForeignKey, Integer, String, event, select, text
from sqlalchemy.orm import Mapped, Mapper, mapped_column, relationship
from werkzeug import security
from wtforms import ValidationError

from tools import claims
from tools.measure.login import create, log_in, routes
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts
from tools.paths import DOCS

BOTH = "/admin/both/"
NORTH, SOUTH = 1, 2
STALE = "Somebody else saved this while you were writing."
GONE = "Record does not exist."
REFUSED = "Not a valid choice"
SAVED = "successfully"
PAIRS = claims.pairs()


class Pair:
    """Recipes as a reader pastes them into one application.

    :param fault: what to break: a function of a recipe or one of its classes, as
        ``name.Class.function``; what it prints for ``create_app``, as ``name#region``;
        or "reversed", the order of the bases.
    """

    def __init__(self, drive, folder, claim, fault=""):
        self.drive, self.folder, self.claim, self.fault = drive, folder, claim, fault
        self.asked = False

    def paste(self, *programs):
        """Copies that share the ``db`` of the first.

        :param programs: names, or ``(name, line, replacement)``.
        """
        copies = []
        for program in programs:
            name, *change = program if isinstance(program, tuple) else (program,)
            module = importlib.import_module(f"snippets.recipes.{name}")
            copy = without(module, *change or ["\ndb = ", "\ndb = "])
            copy.db = copies[0].db if copies else copy.db
            copies.append(copy)
            broken, _, rest = self.fault.partition(".")
            if broken == name:
                owner, _, attribute = rest.rpartition(".")
                if owner:
                    delattr(getattr(copy, owner), attribute)
                else:
                    setattr(copy, attribute, lambda *args: (*args, None)[0])
        return copies

    def bases(self, *classes):
        """The bases of the view, in the order that the page gives."""
        assert [each.__name__ for each in classes] == self.claim["bases"]
        self.asked = True
        return classes[::-1] if self.fault == "reversed" else classes

    def start(self, first, view=None, rows=(), regions=(), engines=(), **config):
        """Run the program of a recipe with what the others add to it.

        :param view: the view of both, added at ``BOTH``.
        :param regions: of other recipes, what they print for ``create_app``.
        """

        def create_app(given):
            given = given | config
            given["SQLALCHEMY_ENGINES"] |= dict(engines)
            app = first.create_app(given)
            for module, name in regions:
                if not self.fault.endswith(f"#{name}"):
                    execute(module, name, app)
            with app.app_context():
                tables = [module.Base.metadata for module, _ in regions]
                for metadata in [*tables, *{row.metadata for row in rows}]:
                    metadata.create_all(first.db.engine)
                if view is not None:
                    view.model.metadata.create_all(first.db.engine)
                first.db.session.add_all(rows)
                first.db.session.commit()
            if view is not None:
                app.extensions["admin"][0].add_view(view)
            return app

        return self.drive(create_app)


def execute(module, region, app):
    """Run what a recipe prints for ``create_app``."""
    source = Path(module.__file__).read_text("utf-8")
    pattern = rf"# region {region}\n(.*?) *# endregion {region}\n"
    printed = re.search(pattern, source, re.DOTALL)[1]
    exec(dedent(printed), vars(module) | {"app": app})


@pytest.fixture
def pair(drive, tmp_path, request):
    claim = PAIRS[request.function.__name__.removeprefix("test_")]
    made = Pair(drive, tmp_path, claim)
    yield made
    assert made.asked == ("bases" in claim)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Hashes that are made quickly, for the programs that have a login."""
    fast = partial(security.generate_password_hash, method="pbkdf2:sha256:1")
    monkeypatch.setattr(security, "generate_password_hash", fast)
    monkeypatch.setenv("SECURITY_PASSWORD_SALT", "testing")


def stored(surface, model):
    """The rows of a table, as another connection sees them."""
    table = model.__table__
    with surface.elsewhere() as session:
        query = select(table).order_by(*table.primary_key.columns)
        return session.execute(query).all()


def ask(surface, query):
    with surface.elsewhere() as session:
        return session.execute(text(query)).all()


def put(surface, *rows):
    with surface.elsewhere() as session:
        session.add_all(rows)
        session.commit()


def sign_in(surface, id):
    with surface.client.session_transaction() as cookie:
        cookie["_user_id"] = id
        cookie["_fresh"] = True


def as_tenant(surface, tenants, tenant=NORTH):
    account = tenants.Account(name=f"of {tenant}", password_hash="", tenant_id=tenant)
    token = account.token
    put(surface, account)
    sign_in(surface, token)
    return surface


def check_tenant(surface, model, id=SOUTH, mark="South", **typed):
    """No route of the view shows or changes what belongs to the other tenant.

    :param mark: what the row of the other tenant contains, and no other row.
    """

    def theirs():
        return [row for row in stored(surface, model) if row.tenant_id == SOUTH]

    before, token = theirs(), surface.token("/login")
    assert mark in str(before)
    sent = {"csrf_token": token, "id": id, "rowid": [id], "list_form_pk": id}
    sent |= {"action": "delete"} | typed
    for method, path in routes(surface.app):
        if path.startswith(BOTH):
            data = sent if method == "POST" else None
            answer = surface.client.open(
                path,
                method=method,
                query_string={"id": id},
                data=data,
                follow_redirects=True,
            )
            assert mark not in answer.text, path
    assert theirs() == before
    assert surface.rows(BOTH)


@contextmanager
def statements(surface):
    sent = []

    def note(connection, cursor, statement, *rest):
        sent.append(statement)

    with surface.app.app_context():
        engine = surface.app.extensions["sqlalchemy"].engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def count_statements(surface, path=BOTH, **query):
    with statements(surface) as sent:
        surface.get(path, **query)
    return len(sent)


@contextmanager
def most_alive(name):
    """How many objects of a model were there at one time."""
    counts, alive = {"most": 0}, WeakSet()

    def note(row, context):
        if type(row).__name__ == name:
            alive.add(row)
            counts["most"] = max(counts["most"], len(alive))

    event.listen(Mapper, "load", note)
    try:
        yield counts
    finally:
        event.remove(Mapper, "load", note)


def check_stream(surface, name, path=BOTH, total=500):
    """The export holds a few rows at a time and gives its connection back."""
    with most_alive(name) as counts:
        # The connection goes back when the answer is closed.
        answer = surface.client.get(f"{path}export/csv/", buffered=False)
        export = b"".join(answer.iter_encoded()).decode()
        answer.close()
    assert len(export.splitlines()) == total + 1
    assert 0 < counts["most"] <= 200
    assert surface.pool.checkedout() == 0
    assert "'=1+1" in export
    assert ",=1+1" not in f",{export}".replace("\n", ",")
    return export


def upload(content):
    return io.BytesIO(content.encode()), f"{content}.txt"


def contents(folder):
    return sorted(path.read_text() for path in folder.glob("*"))


def trail(surface):
    query = "SELECT who, action, model, row_id, changes FROM audit_trail ORDER BY id"
    return ask(surface, query)


def deleted_at():
    return mapped_column(DateTime(timezone=True))


VERSION = (
    "{0}\n    version: Mapped[int] = mapped_column()\n"
    '    __mapper_args__ = {{"version_id_col": version}}'
)


def versioned(line):
    """A change of a program that gives one of its models a version."""
    return line, VERSION.format(line)


# Access: each tenant its own rows.


def test_tenants_with_soft_delete(pair):
    tenants, soft = pair.paste("tenants", "soft_delete")

    class Note(tenants.Owned, tenants.Base):
        __tablename__ = "note"
        text: Mapped[str] = mapped_column(String(100))
        deleted_at = deleted_at()

    class NoteView(*pair.bases(soft.SoftDeleteView, tenants.TenantView)):
        form_columns = ["text"]
        column_list = ["text"]

    surface = pair.start(
        tenants,
        NoteView(Note, tenants.db.session, endpoint="both"),
        [
            Note(text="North", tenant_id=NORTH),
            Note(text="South", tenant_id=SOUTH),
            Note(text="North 2", tenant_id=NORTH),
        ],
    )
    as_tenant(surface, tenants)
    check_tenant(surface, Note, text="Taken")
    surface.delete(BOTH, 1)
    surface.action(BOTH, "delete", [2, 3])
    hidden = {row.id: row.deleted_at is not None for row in stored(surface, Note)}
    assert (hidden[1], hidden[2], hidden[3]) == (True, False, True)
    assert "North" not in str(surface.rows(BOTH))
    assert GONE in alerts(surface.get(f"{BOTH}edit/", id=1))


def test_tenants_with_inline_models(pair):
    line = "product: Mapped[Product | None] = relationship("
    # The lines of the other page load their product with themselves.
    tenants, inline = pair.paste(
        ("tenants", line, f'{line}lazy="joined"'), "inline_models"
    )
    # Your own models with the function of the other page.
    inline.Product = tenants.Product

    def own_products():
        if "products" not in g:
            g.products = list(tenants.own_products())
        return g.products

    def start(factory):
        class InvoiceView(tenants.TenantView):
            form_columns = ["number"]
            column_list = ["number"]
            inline_models = [
                (
                    tenants.Line,
                    {
                        "form_columns": ["id", "product"],
                        "form_args": {"product": {"query_factory": factory}},
                    },
                )
            ]

        view = InvoiceView(tenants.Invoice, tenants.db.session, endpoint="both")
        return as_tenant(pair.start(tenants, view), tenants)

    foreign = {"lines-0-id": NORTH, "lines-0-product": SOUTH}

    # As printed: the select box of the lines is the same for all tenants.
    surface = start(inline.products)
    assert "South wind" in surface.get(f"{BOTH}edit/", id=NORTH)
    assert SAVED in surface.submit(f"{BOTH}edit/", foreign, id=NORTH)
    assert stored(surface, tenants.Line)[0].product_id == SOUTH

    surface = start(own_products)
    before = stored(surface, tenants.Line)
    assert "South wind" not in surface.get(f"{BOTH}edit/", id=NORTH)
    assert REFUSED in surface.submit(f"{BOTH}edit/", foreign, id=NORTH)
    assert stored(surface, tenants.Line) == before
    one = count_statements(surface, f"{BOTH}edit/", id=NORTH)
    put(
        surface,
        *[
            tenants.Line(
                invoice_id=NORTH,
                product=tenants.Product(name=f"North {number}", tenant_id=NORTH),
            )
            for number in range(9)
        ],
    )
    assert count_statements(surface, f"{BOTH}edit/", id=NORTH) == one


def test_tenants_with_ajax_references(pair):
    tenants, ajax = pair.paste("tenants", "ajax_references")

    class Project(tenants.Owned, tenants.Base):
        __tablename__ = "project"
        owner_id: Mapped[int]
        name: Mapped[str] = mapped_column(String(100))

        def __str__(self):
            return self.name

    class Task(tenants.Owned, tenants.Base):
        __tablename__ = "task"
        title: Mapped[str] = mapped_column(String(100))
        project_id = mapped_column(ForeignKey("project.id"))
        project = relationship(Project)

    class Loader(*pair.bases(ajax.OwnLoader, tenants.TenantLoader)):
        pass

    class TaskView(tenants.TenantView):
        form_columns = ["title", "project"]
        form_ajax_refs = {
            "project": Loader("project", tenants.db.session, Project, fields=["name"])
        }

    surface = pair.start(
        tenants,
        TaskView(Task, tenants.db.session, endpoint="both"),
        [
            Project(name="North, mine", owner_id=1, tenant_id=NORTH),
            Project(name="North, a colleague's", owner_id=2, tenant_id=NORTH),
            # The number of an account means nothing in another tenant.
            Project(name="South", owner_id=1, tenant_id=SOUTH),
            Task(title="North", tenant_id=NORTH),
            Task(title="South", tenant_id=SOUTH),
        ],
    )
    as_tenant(surface, tenants)
    check_tenant(surface, Task, title="Taken", project=1)
    found = surface.get(f"{BOTH}ajax/lookup/", name="project", query="")
    assert "mine" in found
    assert "colleague" not in found
    assert "South" not in found
    for foreign in (2, 3):
        change = {"project": foreign}
        assert REFUSED in surface.submit(f"{BOTH}edit/", change, id=NORTH)
    assert SAVED in surface.submit(f"{BOTH}edit/", {"project": 1}, id=NORTH)


def test_tenants_with_bulk_delete(pair):
    tenants, bulk = pair.paste("tenants", "bulk_delete")
    bulk.Ticket.tenant_id = mapped_column(Integer)

    class ArchiveView(*pair.bases(bulk.ArchiveView, tenants.TenantView)):
        pass

    surface = pair.start(
        tenants,
        ArchiveView(bulk.Ticket, tenants.db.session, endpoint="both"),
        [
            bulk.Ticket(title="North", closed=True, tenant_id=NORTH),
            bulk.Ticket(title="South", closed=True, tenant_id=SOUTH),
            bulk.Ticket(title="North, open", closed=False, tenant_id=NORTH),
            bulk.Ticket(title="North 2", closed=True, tenant_id=NORTH),
        ],
    )
    as_tenant(surface, tenants)
    check_tenant(surface, bulk.Ticket, title="Taken")
    with statements(surface) as sent:
        surface.action(BOTH, "delete", [1, 2, 3, 4])
    assert sum(each.startswith("DELETE") for each in sent) == 1
    assert [row.id for row in stored(surface, bulk.Ticket)] == [2, 3]


def test_tenants_with_streamed_export(pair):
    tenants, streamed = pair.paste("tenants", "streamed_export")

    class InvoiceView(*pair.bases(streamed.StreamedExport, tenants.TenantView)):
        can_export = True
        column_list = ["number", "customer"]
        column_searchable_list = ["number"]
        form_columns = ["number"]

    numbers = ["=1+1", *map(str, range(498))]
    surface = pair.start(
        tenants,
        InvoiceView(tenants.Invoice, tenants.db.session, endpoint="both"),
        [
            tenants.Invoice(number=number, tenant_id=tenant, customer_id=tenant)
            for number in numbers
            for tenant in (NORTH, SOUTH)
        ],
    )
    as_tenant(surface, tenants)
    export = check_stream(surface, "Invoice")
    assert "N-1" in export
    assert "S-1" not in export
    assert "South" not in export
    assert "S-1" not in surface.get(f"{BOTH}export/csv/", search="S-1")


def test_tenants_with_slow_lists(pair):
    tenants, slow = pair.paste("tenants", "slow_lists")
    slow.Post.tenant_id = mapped_column(Integer)

    class PostView(*pair.bases(slow.PostView, tenants.TenantView)):
        form_columns = ["title"]

    def posts(name, tenant, count):
        return [
            slow.Post(
                title=f"{name} {number}",
                tenant_id=tenant,
                author=slow.User(name=f"{name} author"),
                tags=[slow.Tag(name=f"{name} tag")],
            )
            for number in range(count)
        ]

    surface = pair.start(
        tenants,
        PostView(slow.Post, tenants.db.session, endpoint="both"),
        [*posts("North", NORTH, 1), *posts("South", SOUTH, 1)],
    )
    as_tenant(surface, tenants)
    one = count_statements(surface)
    put(surface, *posts("North", NORTH, 15), *posts("South", SOUTH, 15))
    # The account, the posts and their tags.
    assert (one, count_statements(surface)) == (3, 3)
    assert len(surface.rows(BOTH)) == 16
    check_tenant(surface, slow.Post, title="Taken")


def test_tenants_with_fresh_filters(pair):
    tenants, fresh = pair.paste("tenants", "fresh_filters")

    class Author(tenants.Owned, tenants.Base):
        __tablename__ = "author"
        name: Mapped[str] = mapped_column(String(100))

    class Post(tenants.Owned, tenants.Base):
        __tablename__ = "post"
        title: Mapped[str] = mapped_column(String(100))
        author_id = mapped_column(ForeignKey("author.id"))

    # Your own models with the function of the other page.
    fresh.User = Author

    def own_authors():
        query = select(Author.id, Author.name)
        query = query.filter_by(tenant_id=current_user.tenant_id)
        return fresh.db.session.execute(query).all()

    def start(read):
        class PostView(tenants.TenantView):
            form_columns = column_list = ["title"]
            column_filters = [
                IntEqualFilter(Post.author_id, "Author", options=fresh.Fresh(read)),
            ]

        surface = pair.start(
            tenants,
            PostView(Post, tenants.db.session, endpoint="both"),
            [
                Author(name="North author", tenant_id=NORTH),
                Author(name="South author", tenant_id=SOUTH),
            ],
        )
        rows = [
            Post(title="North", author_id=1, tenant_id=NORTH),
            Post(title="South", author_id=2, tenant_id=SOUTH),
        ]
        put(surface, *rows)
        return as_tenant(surface, tenants)

    # As printed: the options of the filter are the same for all tenants.
    assert "South author" in start(fresh.authors).get(BOTH)

    surface = start(own_authors)
    check_tenant(surface, Post, title="Taken")
    assert surface.rows(BOTH, flt0_0=SOUTH) == []
    assert "North, new" not in surface.get(BOTH)
    put(surface, Author(name="North, new", tenant_id=NORTH))
    assert "North, new" in surface.get(BOTH)


def test_tenants_with_optimistic_locking(pair):
    tenants, locking = pair.paste("tenants", "optimistic_locking")

    class Page(locking.Versioned, tenants.Owned, tenants.Base):
        __tablename__ = "page"
        title: Mapped[str] = mapped_column(String(100))

    class PageView(*pair.bases(locking.VersionedView, tenants.TenantView)):
        column_list = ["title"]
        form_columns = ["title", "version"]

    surface = pair.start(
        tenants,
        PageView(Page, tenants.db.session, endpoint="both"),
        [
            Page(title="North", tenant_id=NORTH),
            Page(title="South", tenant_id=SOUTH),
        ],
    )
    as_tenant(surface, tenants)
    check_tenant(surface, Page, title="Taken", version="1")
    assert SAVED in surface.submit(f"{BOTH}edit/", {"title": "First"}, id=NORTH)
    stale = {"title": "Second", "version": "1"}
    assert STALE in alerts(surface.submit(f"{BOTH}edit/", stale, id=NORTH))
    assert stored(surface, Page)[0].title == "First"


def test_tenants_with_integrity_errors(pair):
    tenants, friendly = pair.paste("tenants", "integrity_errors")

    class InvoiceView(*pair.bases(friendly.FriendlyErrors, tenants.TenantView)):
        column_list = form_columns = ["number"]

    surface = pair.start(
        tenants,
        InvoiceView(tenants.Invoice, tenants.db.session, endpoint="both"),
        regions=[(friendly, "engine")],
    )
    as_tenant(surface, tenants)
    assert SAVED in surface.submit(f"{BOTH}new/", {"number": "N-2"})
    said = alerts(surface.submit(f"{BOTH}new/", {"number": "N-1"}))
    assert said == "Not done: another row has these values."
    # A number that another tenant has is free.
    assert SAVED in surface.submit(f"{BOTH}new/", {"number": "S-1"})
    assert "South" not in surface.get(BOTH)
    owners = [(row.number, row.tenant_id) for row in stored(surface, tenants.Invoice)]
    assert owners == [("N-1", 1), ("S-1", 2), ("N-2", 1), ("S-1", 1)]
    assert GONE in alerts(surface.get(f"{BOTH}edit/", id=SOUTH))


def test_tenants_with_audit_trail(pair):
    tenants, audit = pair.paste("tenants", "audit_trail")

    def own_tenant():
        if has_request_context() and current_user.is_authenticated:
            return current_user.tenant_id

    class OwnAuditView(*pair.bases(audit.AuditView, tenants.TenantView)):
        pass

    def start(view):
        surface = pair.start(
            tenants,
            view(audit.Audit, tenants.db.session, endpoint="both"),
            regions=[(audit, "listen")],
        )
        for tenant, name in [(SOUTH, "South, changed"), (NORTH, "North, changed")]:
            as_tenant(surface, tenants, tenant)
            surface.submit("/admin/customer/edit/", {"name": name}, id=tenant)
        return surface

    # As printed: whoever may read the trail reads what all tenants wrote.
    assert "South, changed" in str(start(audit.AuditView).rows(BOTH))

    audit.Audit.tenant_id = mapped_column(Integer, default=own_tenant)
    surface = start(OwnAuditView)
    check_tenant(surface, audit.Audit, who="eve")
    [row] = surface.rows(BOTH)
    assert "North, changed" in row
    assert [(row.who, row.action) for row in trail(surface)] == [
        ("1", "edit"),
        ("2", "edit"),
    ]


def test_tenants_with_uploads(pair):
    tenants, uploads = pair.paste("tenants", "uploads")
    uploads.Document.tenant_id = mapped_column(Integer)

    class DocumentView(*pair.bases(tenants.TenantView, uploads.DocumentView)):
        column_list = ["title"]
        form_columns = ["title", "filename"]

    folder = pair.folder / "files"
    surface = pair.start(
        tenants,
        DocumentView(uploads.Document, tenants.db.session, endpoint="both"),
        regions=[(uploads, "app")],
        UPLOAD_FOLDER=str(folder),
    )
    for tenant, name in [(NORTH, "North"), (SOUTH, "South")]:
        as_tenant(surface, tenants, tenant)
        changes = {"title": name, "filename": upload(name)}
        assert SAVED in surface.submit(f"{BOTH}new/", changes)
    sign_in(surface, stored(surface, tenants.Account)[0].token)
    check_tenant(surface, uploads.Document, title="Taken", **{"_filename-delete": "1"})
    assert contents(folder) == ["North", "South"]
    surface.submit(f"{BOTH}edit/", {"filename": upload("second")}, id=NORTH)
    assert contents(folder) == ["South", "second"]
    surface.action(BOTH, "delete", [1, 2])
    assert contents(folder) == ["South"]


def test_tenants_with_flask_security(pair):
    members, tenants = pair.paste("flask_security", "tenants")
    members.Member.tenant_id = mapped_column(Integer)

    class CustomerView(*pair.bases(members.RoleOnly, tenants.TenantView)):
        form_columns = column_list = ["name"]

    surface = pair.start(
        members,
        CustomerView(tenants.Customer, tenants.db.session, endpoint="both"),
        [
            tenants.Tenant(name="North"),
            tenants.Tenant(name="South"),
            tenants.Customer(name="North", tenant_id=NORTH),
            tenants.Customer(name="South", tenant_id=SOUTH),
            members.Member(
                email="ada@example.com",
                password="",
                active=True,
                fs_uniquifier="ada",
                tenant_id=NORTH,
                roles=[members.Role(name="admin")],
            ),
            members.Member(
                email="eve@example.com",
                password="",
                active=True,
                fs_uniquifier="eve",
                tenant_id=NORTH,
            ),
        ],
    )
    assert "You must sign in to view this resource." in surface.get(BOTH)
    sign_in(surface, "eve")
    assert surface.client.get(BOTH).status_code == 403
    sign_in(surface, "ada")
    surface.token = lambda page, real=surface.token: real(f"{BOTH}new/")
    check_tenant(surface, tenants.Customer, name="Taken")


def test_tenants_with_composite_keys(pair):
    tenants, composite = pair.paste("tenants", "composite_keys")
    composite.Room.tenant_id = mapped_column(Integer)

    class RoomView(*pair.bases(composite.RoomView, tenants.TenantView)):
        pass

    class MendedView(RoomView):
        action_delete = ModelView.action_delete

    def start(view):
        surface = pair.start(
            tenants,
            view(composite.Room, tenants.db.session, endpoint="both"),
            [
                composite.Room(building="North", number=1, seats=1, tenant_id=NORTH),
                composite.Room(
                    building="South", number=1, seats=87654, tenant_id=SOUTH
                ),
            ],
        )
        return as_tenant(surface, tenants)

    surface = start(RoomView)
    typed = {"seats": 9, "number": 7, "building": "X"}
    # The key is in the address of some answers.
    check_tenant(surface, composite.Room, "South,1", "87654", **typed)
    for key in ["North", "North,1,1", "1"]:
        assert GONE in alerts(surface.get(f"{BOTH}edit/", id=key))
    assert SAVED in surface.submit(f"{BOTH}edit/", {"seats": 5}, id="North,1")
    # As printed: the ids of the bulk action are no numbers, and all are ignored.
    said = alerts(surface.action(BOTH, "delete", ["North,1"]))
    assert "0 records were successfully deleted." in said

    surface = start(MendedView)
    surface.action(BOTH, "delete", ["North,1", "South,1"])
    assert [row.building for row in stored(surface, composite.Room)] == ["South"]


def test_tenants_with_read_only(pair):
    tenants, read_only = pair.paste("tenants", "read_only")

    class InvoiceView(*pair.bases(read_only.ReadOnly, tenants.InvoiceView)):
        pass

    surface = pair.start(
        tenants, InvoiceView(tenants.Invoice, tenants.db.session, endpoint="both")
    )
    as_tenant(surface, tenants)
    before, token = stored(surface, tenants.Invoice), surface.token("/login")
    assert "N-1" in str(surface.rows(BOTH))
    for method, path in routes(surface.app):
        if path.startswith(BOTH):
            for id in (NORTH, SOUTH):
                data = {"csrf_token": token, "id": id, "rowid": [id], "number": "X"}
                data |= {"action": "delete", "list_form_pk": id}
                answer = surface.client.open(
                    path,
                    method=method,
                    query_string={"id": id, "name": "customer", "query": ""},
                    data=data if method == "POST" else None,
                )
                assert answer.status_code == 403 or method == "GET", path
                assert "S-1" not in answer.text
                assert "South" not in answer.text
    assert stored(surface, tenants.Invoice) == before


# Access: logins and tokens.


def test_protected_admin_with_read_only(pair):
    protected, read_only = pair.paste("protected_admin", "read_only")

    class PostView(*pair.bases(read_only.ReadOnly, protected.PostView)):
        pass

    surface = pair.start(
        protected, PostView(protected.Post, protected.db.session, endpoint="both")
    )
    accounts = {
        name: protected.Account(name=name, password_hash="", is_admin=name == "ada")
        for name in ("ada", "eve")
    }
    tokens = {name: account.token for name, account in accounts.items()}
    put(surface, *accounts.values())
    before, csrf_token = stored(surface, protected.Post), surface.token("/login")

    def answers(method):
        """The statuses of the routes of the view, each asked with a right token."""
        sent = {"csrf_token": csrf_token, "id": 1, "rowid": [1], "list_form_pk": 1}
        sent |= {"action": "delete", "title": "Taken"}
        for each, path in routes(surface.app):
            if path.startswith(BOTH) and each == method and "/static/" not in path:
                data = sent if method == "POST" else None
                query = {"id": 1}
                answer = surface.client.open(
                    path, method=method, query_string=query, data=data
                )
                yield answer.status_code

    assert {*answers("GET"), *answers("POST")} == {302}
    sign_in(surface, tokens["eve"])
    assert {*answers("GET"), *answers("POST")} == {403}
    sign_in(surface, tokens["ada"])
    assert 200 in {*answers("GET")}
    assert {*answers("POST")} == {403}
    assert stored(surface, protected.Post) == before


def check_policy(answer):
    """The policy lets the scripts of the page run, and no others."""
    header = answer.headers.get("Content-Security-Policy", "")
    assert "script-src 'nonce-" in header
    assert "unsafe" not in header
    page = BeautifulSoup(answer.text, "html.parser")
    nonces = {script.get("nonce") for script in page.select("script")}
    assert len(nonces) == 1
    assert f"script-src 'nonce-{nonces.pop()}';" in header
    assert "/admin-handlers.js" in answer.text


def test_csrf_with_content_security_policy(pair):
    policy, csrf = pair.paste("content_security_policy", "csrf")

    class PostView(*pair.bases(csrf.PostView, policy.PolicyView)):
        form_columns = ["title"]

    surface = pair.start(
        policy,
        PostView(policy.Post, policy.db.session, endpoint="both"),
        regions=[(csrf, "app")],
    )
    for path in ["", "new/", "edit/?id=1"]:
        check_policy(surface.client.get(f"{BOTH}{path}"))
    before = stored(surface, policy.Post)
    for path in ["new/", "edit/?id=1", "delete/", "action/", "ajax/update/"]:
        sent = {"title": "Forged", "id": 1, "rowid": [1], "list_form_pk": 1}
        answer = surface.client.post(f"{BOTH}{path}", data=sent | {"action": "delete"})
        assert answer.status_code == 400
        assert "nonce-" in answer.headers.get("Content-Security-Policy", "")
    assert stored(surface, policy.Post) == before
    assert SAVED in surface.submit(f"{BOTH}edit/", {"title": "Mine"}, id=1)
    surface.delete(BOTH, 2)
    assert [row.title for row in stored(surface, policy.Post)] == ["Mine"]


def test_flask_login_with_content_security_policy(pair):
    policy, login = pair.paste("content_security_policy", "flask_login")
    surface = pair.start(policy, regions=[(login, "app")])
    before = stored(surface, policy.Post)
    for method, path in routes(surface.app):
        answer = surface.client.open(path, method=method, query_string={"id": 1})
        assert answer.status_code == 302
        assert answer.location.startswith("/login?next=")
        assert "nonce-" in answer.headers.get("Content-Security-Policy", "")
    assert stored(surface, policy.Post) == before
    # The login page is outside of /admin/, and loads no script.
    assert "<script" not in surface.get("/login")
    create(surface, login)
    assert log_in(surface).location == "/admin/"
    for path in ["", "new/", "edit/?id=1", "details/?id=1"]:
        check_policy(surface.client.get(f"/admin/post/{path}"))
    # The answer of the login to an address that leads elsewhere has the policy too.
    answer = surface.client.get("/admin/post/?url=http:/elsewhere.example")
    assert answer.status_code == 400
    assert "nonce-" in answer.headers.get("Content-Security-Policy", "")


def check_csrf_of_login(pair, program, view="post"):
    line = "from flask_admin.form import SecureForm"

    def start(replacement=line):
        login, csrf = pair.paste((program, line, replacement), "csrf")
        surface = pair.start(
            login,
            csrf.PostView(csrf.Post, login.db.session, endpoint="both"),
            [csrf.Post(title="First"), csrf.Post(title="Second")],
            regions=[(csrf, "app")],
        )
        create(surface, login)
        return surface, csrf

    # As printed: CSRFProtect knows nothing of the token of the login form.
    surface, _ = start()
    answer = log_in(surface)
    assert answer.status_code == 400
    assert "The CSRF session token is missing." in answer.text

    surface, csrf = start("from snippets.recipes.csrf import CSRFForm as SecureForm")
    assert surface.client.get(BOTH).status_code == 302
    assert log_in(surface, csrf_token="").status_code == 400
    assert log_in(surface).location == "/admin/"
    surface.update(BOTH, 1, title="Mine")
    assert surface.client.post(f"{BOTH}delete/", data={"id": 2}).status_code == 400
    assert [row.title for row in stored(surface, csrf.Post)] == ["Mine", "Second"]
    assert SAVED in surface.submit(f"/admin/{view}/edit/", {}, id=1)
    token = surface.token("/login")
    assert surface.client.post("/logout").status_code == 400
    assert surface.client.get(BOTH).status_code == 200
    surface.client.post("/logout", data={"csrf_token": token})
    assert surface.client.get(BOTH).status_code == 302


def test_csrf_with_flask_login(pair):
    check_csrf_of_login(pair, "flask_login")


def test_csrf_with_protected_admin(pair):
    check_csrf_of_login(pair, "protected_admin")


def test_csrf_with_tenants(pair):
    check_csrf_of_login(pair, "tenants", "customer")


def test_csrf_with_flask_security(pair):
    members, csrf = pair.paste("flask_security", "csrf")

    class PostView(*pair.bases(members.RoleOnly, ModelView)):
        pass

    def start(form):
        members.RoleOnly.form_base_class = form
        surface = pair.start(
            members,
            PostView(members.Post, members.db.session, endpoint="both"),
            regions=[(csrf, "app")],
            SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False},
        )
        email, runner = "ada@example.com", surface.app.test_cli_runner()
        for args in [
            ["users", "create", email, "--active"],
            ["roles", "create", "admin"],
            ["roles", "add", email, "admin"],
        ]:
            assert (
                runner.invoke(args=args, input="testing-it\ntesting-it\n").exit_code
                == 0
            )
        typed = {"email": email, "password": "testing-it"}
        assert surface.client.post("/login", data=typed).status_code == 400
        assert "You must sign in" in surface.get(BOTH)
        surface.send("POST", "/login", data=surface.signed("/login", **typed))
        assert "Post 1" in str(surface.rows(BOTH))
        return surface

    surface = start(members.SecureForm)
    with pytest.raises(Failure, match="400 BAD REQUEST"):
        surface.submit(f"{BOTH}edit/", {"title": "Mine"}, id=1)

    surface = start(csrf.CSRFForm)
    assert surface.client.post(f"{BOTH}delete/", data={"id": 1}).status_code == 400
    assert SAVED in surface.submit(f"{BOTH}edit/", {"title": "Mine"}, id=1)
    titles = [row.title for row in stored(surface, members.Post)]
    assert titles == ["Mine", "Post 2", "Post 3"]


def test_csrf_with_inline_models(pair):
    inline, csrf = pair.paste("inline_models", "csrf")

    class OrderView(inline.OrderView):
        form_base_class = csrf.CSRFForm

    surface = pair.start(
        inline,
        OrderView(inline.Order, inline.db.session, endpoint="both"),
        regions=[(csrf, "app")],
    )
    line = {"lines-0-id": "1", "lines-0-product": "1", "lines-0-quantity": "7"}
    before = stored(surface, inline.Line)
    for token in [{}, {"csrf_token": "x"}]:
        sent = {"customer": "Ada"} | line | token
        answer = surface.client.post(f"{BOTH}edit/?id=1", data=sent)
        assert answer.status_code == 400
    assert stored(surface, inline.Line) == before
    new = {"lines-2-id": "", "lines-2-product": "2", "lines-2-quantity": "3"}
    assert SAVED in surface.submit(f"{BOTH}edit/", line | new, id=1)
    found = [(row.order_id, row.quantity) for row in stored(surface, inline.Line)]
    assert found == [(1, 7), (1, 1), (2, 9), (1, 3)]


def test_flask_login_with_audit_trail(pair):
    login, audit = pair.paste("flask_login", "audit_trail")
    surface = pair.start(
        login,
        audit.AuditView(audit.Audit, login.db.session, endpoint="both"),
        regions=[(audit, "listen")],
    )
    create(surface, login)
    assert surface.client.get(BOTH).status_code == 302
    log_in(surface)
    surface.update("/admin/post/", 1, title="Changed")
    created, edited = [row for row in trail(surface) if row.model != "Post"], None
    edited = [row for row in trail(surface) if row.action == "edit"]
    [account] = stored(surface, login.Account)
    assert [(row.who, row.changes) for row in edited] == [
        (str(account.id), '{"title": ["A first post", "Changed"]}')
    ]
    # What the cookie carries, and what a password is compared with, is not copied.
    assert [(row.who, row.model) for row in created] == [(None, "Account")]
    assert '"name": [null, "Ada"]' in created[0].changes
    for secret in (account.token, account.password_hash):
        assert secret not in str(trail(surface))
    assert "Changed" in surface.rows(BOTH)[0]


# Data safety.


def editor(surface):
    sign_in(surface, "ada")
    return surface


def test_audit_trail_with_soft_delete(pair):
    audit, soft = pair.paste("audit_trail", "soft_delete")

    class Note(audit.Base):
        __tablename__ = "note"
        id: Mapped[int] = mapped_column(primary_key=True)
        text: Mapped[str] = mapped_column(String(100))
        deleted_at = deleted_at()

    class NoteView(soft.SoftDeleteView):
        def on_model_delete(self, model):
            if model.text == "Locked":
                raise ValidationError("It is locked.")

    surface = pair.start(
        audit,
        NoteView(Note, audit.db.session, endpoint="both"),
        [Note(text="One"), Note(text="Locked"), Note(text="Three")],
    )
    known = len(trail(surface))
    editor(surface).delete(BOTH, 1)
    surface.action(BOTH, "delete", [2, 3])
    written = [(row.who, row.action, row.row_id) for row in trail(surface)[known:]]
    # The row stays, so its delete is an edit of deleted_at.
    assert written == [("ada", "edit", "1"), ("ada", "edit", "3")]
    written = [row.changes for row in trail(surface)[known:]]
    assert all('"deleted_at": [null, "' in changes for changes in written)
    hidden = [row.deleted_at is not None for row in stored(surface, Note)]
    assert hidden == [True, False, True]
    assert len(surface.rows(BOTH)) == 1


def test_audit_trail_with_bulk_delete(pair):
    bulk, audit = pair.paste("bulk_delete", "audit_trail")
    surface = pair.start(bulk, regions=[(audit, "listen")])
    surface.action("/admin/ticket/", "delete", [1, 2])
    assert [row.title for row in stored(surface, bulk.Ticket)] == ["Open", "Old"]
    assert [(row.action, row.row_id) for row in trail(surface)] == [("delete", "2")]
    assert '"title": ["Closed", null]' in trail(surface)[0].changes
    # In one statement: the row is gone, and nobody knows who deleted it.
    surface.action("/admin/archive/", "delete", [1, 3])
    assert [row.title for row in stored(surface, bulk.Ticket)] == ["Open"]
    assert len(trail(surface)) == 1


def test_optimistic_locking_with_audit_trail(pair):
    audit, locking = pair.paste("audit_trail", "optimistic_locking")

    class Page(locking.Versioned, audit.Base):
        __tablename__ = "page"
        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str] = mapped_column(String(100))

    class PageView(*pair.bases(locking.VersionedView, ModelView)):
        form_columns = ["title", "version"]

    surface = pair.start(
        audit, PageView(Page, audit.db.session, endpoint="both"), [Page(title="Zero")]
    )
    known = len(trail(surface))
    path = f"{BOTH}edit/"
    assert SAVED in editor(surface).submit(path, {"title": "First"}, id=1)
    stale = {"title": "Second", "version": "1"}
    assert STALE in alerts(surface.submit(path, stale, id=1))
    assert [row.title for row in stored(surface, Page)] == ["First"]
    # What was not saved is not in the trail.
    assert [(row.who, row.changes) for row in trail(surface)[known:]] == [
        ("ada", '{"title": ["Zero", "First"]}')
    ]


def test_optimistic_locking_with_inline_models(pair):
    locking, inline = pair.paste(
        "optimistic_locking",
        ("inline_models", *versioned("class Order(Base):")),
    )

    class OrderView(*pair.bases(locking.VersionedView, inline.OrderView)):
        form_columns = ["customer", "version"]

    surface = pair.start(
        inline, OrderView(inline.Order, inline.db.session, endpoint="both")
    )
    path = f"{BOTH}edit/"

    def lines():
        return [
            (row.id, row.order_id, row.quantity) for row in stored(surface, inline.Line)
        ]

    assert SAVED in surface.submit(path, {"lines-0-quantity": "5"}, id=1)
    assert lines() == [(1, 1, 5), (2, 1, 1), (3, 2, 9)]
    new = {"lines-2-id": "", "lines-2-product": "2", "lines-2-quantity": "3"}
    for change in [{"lines-0-quantity": "7"}, {"del-lines-1": "on"}, new]:
        stale = change | {"version": "1"}
        assert STALE in alerts(surface.submit(path, stale, id=1))
        assert lines() == [(1, 1, 5), (2, 1, 1), (3, 2, 9)]
    one = count_statements(surface, path, id=1)
    put(
        surface,
        *[
            inline.Line(
                order_id=1, quantity=1, product=inline.Product(name=str(number))
            )
            for number in range(9)
        ],
    )
    assert count_statements(surface, path, id=1) == one


def test_optimistic_locking_with_soft_delete(pair):
    soft, locking = pair.paste("soft_delete", "optimistic_locking")

    class Page(locking.Versioned, soft.Base):
        __tablename__ = "page"
        id: Mapped[int] = mapped_column(primary_key=True)
        title: Mapped[str] = mapped_column(String(100))
        deleted_at = deleted_at()

    class PageView(*pair.bases(locking.VersionedView, soft.SoftDeleteView)):
        form_columns = ["title", "version"]

    view = PageView(Page, soft.db.session, endpoint="both")
    surface = pair.start(soft, view, [Page(title="One"), Page(title="Two")])
    path = f"{BOTH}edit/"
    assert SAVED in surface.submit(path, {"title": "First"}, id=1)
    stale = {"title": "Second", "version": "1"}
    assert STALE in alerts(surface.submit(path, stale, id=1))

    # Who saves what somebody else deleted is told, and does not bring it back.
    token = surface.token(f"{BOTH}new/")
    surface.delete(BOTH, 1)
    sent = {"csrf_token": token, "title": "Third", "version": "2"}
    answer = surface.send("POST", path, query_string={"id": 1}, data=sent)
    assert GONE in alerts(answer)
    row = stored(surface, Page)[0]
    assert (row.title, row.deleted_at is not None) == ("First", True)

    # A save between reading and deleting wins.
    view.on_model_delete = lambda model: ask_and_commit(
        surface, "UPDATE page SET title = 'Saved', version = version + 1 WHERE id = 2"
    )
    assert STALE in alerts(surface.delete(BOTH, 2))
    row = stored(surface, Page)[1]
    assert (row.title, row.deleted_at) == ("Saved", None)


def ask_and_commit(surface, statement):
    with surface.elsewhere() as session:
        session.execute(text(statement))
        session.commit()


def test_optimistic_locking_with_integrity_errors(pair):
    locking, friendly = pair.paste("optimistic_locking", "integrity_errors")

    class PageView(
        *pair.bases(friendly.FriendlyErrors, locking.VersionedView, ModelView)
    ):
        form_columns = ["title", "version"]

    surface = pair.start(
        locking,
        PageView(locking.Page, locking.db.session, endpoint="both"),
        [locking.Page(title="Other")],
    )
    index = "CREATE UNIQUE INDEX titles ON optimistic_locking_page (title)"
    ask_and_commit(surface, index)
    path = f"{BOTH}edit/"
    said = alerts(surface.submit(path, {"title": "Other"}, id=1))
    assert said == "Not done: another row has these values."
    assert SAVED in surface.submit(path, {"title": "First"}, id=1)
    stale = {"title": "Second", "version": "1"}
    assert STALE in alerts(surface.submit(path, stale, id=1))
    titles = [row.title for row in stored(surface, locking.Page)]
    assert titles == ["First", "Other"]


def test_request_transaction_with_integrity_errors(pair):
    line = "mapped_column(String(100), unique=True)"
    transaction, friendly = pair.paste(
        ("request_transaction", line, "mapped_column(String(100))"),
        "integrity_errors",
    )

    class ProductView(*pair.bases(friendly.FriendlyErrors, transaction.ProductView)):
        pass

    surface = pair.start(
        transaction,
        ProductView(transaction.Product, transaction.db.session, endpoint="both"),
        [transaction.Product(code="P-0002", name="Desk", price=20)],
    )
    # As if somebody else took the name after the form was checked.
    index = "CREATE UNIQUE INDEX names ON request_transaction_product (name)"
    ask_and_commit(surface, index)
    before = stored(surface, transaction.Product)
    for path, query in [("new/", {}), ("edit/", {"id": 2})]:
        change = {"name": "Lamp", "price": "30"}
        page = surface.submit(f"{BOTH}{path}", change, **query)
        assert alerts(page) == "Not done: another row has these values."
        assert 'value="30"' in page
        assert stored(surface, transaction.Product) == before
        assert stored(surface, transaction.PriceChange) == []
    assert SAVED in surface.submit(f"{BOTH}edit/", {"price": "30"}, id=2)
    [change] = stored(surface, transaction.PriceChange)
    assert (change.old, change.new) == (20, 30)


def test_request_transaction_with_optimistic_locking(pair):
    transaction, locking = pair.paste("request_transaction", "optimistic_locking")

    class ProductView(*pair.bases(locking.VersionedView, transaction.ProductView)):
        form_columns = ["name", "price", "version"]

    surface = pair.start(
        transaction,
        ProductView(transaction.Product, transaction.db.session, endpoint="both"),
    )
    path = f"{BOTH}edit/"
    assert SAVED in surface.submit(path, {"price": "11"}, id=1)
    stale = {"price": "11", "name": "Lantern", "version": "1"}
    assert STALE in alerts(surface.submit(path, stale, id=1))
    assert "A price is not negative." in surface.submit(path, {"price": "-1"}, id=1)
    assert SAVED in surface.submit(path, {"price": "12"}, id=1)
    changes = stored(surface, transaction.PriceChange)
    assert [(row.old, row.new) for row in changes] == [(10, 11), (11, 12)]
    [product] = stored(surface, transaction.Product)
    assert (product.name, product.price, product.version) == ("Lamp", 12, 3)


def test_request_transaction_with_audit_trail(pair):
    transaction, audit = pair.paste("request_transaction", "audit_trail")
    surface = pair.start(transaction, regions=[(audit, "listen")])
    product = "/admin/product/"

    def written():
        prices = stored(surface, transaction.PriceChange)
        return (
            [(row.old, row.new) for row in prices],
            [(row.action, row.model) for row in trail(surface)],
        )

    # The hook and the listener see the same change, and a rejection undoes both.
    surface.submit(f"{product}edit/", {"price": "-1"}, id=1)
    surface.submit(f"{product}new/", {"name": "Desk", "price": "-1"})
    assert written() == ([], [])
    assert SAVED in surface.submit(f"{product}edit/", {"price": "12"}, id=1)
    both = [("create", "PriceChange"), ("edit", "Product")]
    assert written() == ([(10, 12)], both)
    assert '"price": [10, 12]' in str(trail(surface))
    assert SAVED in surface.submit(f"{product}new/", {"name": "Desk", "price": "9"})
    prices, entries = written()
    assert prices == [(10, 12), (None, 9)]
    new = [("create", "Product"), ("create", "PriceChange"), ("edit", "Product")]
    assert entries == both + new


def test_soft_delete_with_integrity_errors(pair):
    friendly, soft = pair.paste("integrity_errors", "soft_delete")
    friendly.User.deleted_at = deleted_at()

    class UserView(*pair.bases(friendly.FriendlyErrors, soft.SoftDeleteView)):
        form_columns = ["name"]

    surface = pair.start(
        friendly,
        UserView(friendly.User, friendly.db.session, endpoint="both"),
        [friendly.User(name="Grace")],
    )
    names = "CREATE UNIQUE INDEX names ON integrity_errors_user (name)"
    ask_and_commit(surface, names)
    said = alerts(surface.submit(f"{BOTH}edit/", {"name": "Ada"}, id=2))
    assert said == "Not done: another row has these values."
    # Nothing that refers to the row stops the delete, and its values stay taken.
    assert SAVED in alerts(surface.delete(BOTH, 1))
    assert "Ada" not in str(surface.rows(BOTH))
    assert len(stored(surface, friendly.Post)) == 2
    said = alerts(surface.submit(f"{BOTH}new/", {"name": "Ada"}))
    assert said == "Not done: another row has these values."
    assert [row.name for row in stored(surface, friendly.User)] == ["Ada", "Grace"]


def test_soft_delete_with_inline_models(pair):
    soft, inline = pair.paste("soft_delete", "inline_models")
    inline.Order.deleted_at = deleted_at()
    inline.Line.deleted_at = deleted_at()

    class OrderView(*pair.bases(soft.SoftDeleteView, inline.OrderView)):
        pass

    class LineView(soft.SoftDeleteView):
        form_columns = ["quantity"]

    surface = pair.start(
        inline, OrderView(inline.Order, inline.db.session, endpoint="both")
    )
    lines = LineView(inline.Line, inline.db.session, endpoint="line")
    surface.app.extensions["admin"][0].add_view(lines)

    # The order is hidden, and its lines stay.
    surface.delete(BOTH, 2)
    assert len(surface.rows(BOTH)) == 1
    assert [row.id for row in stored(surface, inline.Line)] == [1, 2, 3]
    assert [row.id for row in stored(surface, inline.Order)] == [1, 2]
    # A line that is removed in the form of its order is gone.
    assert SAVED in surface.submit(f"{BOTH}edit/", {"del-lines-0": "on"}, id=1)
    assert [row.id for row in stored(surface, inline.Line)] == [2, 3]
    surface.delete("/admin/line/", 2)
    assert [row.id for row in stored(surface, inline.Line)] == [2, 3]


def test_uploads_with_soft_delete(pair):
    uploads, soft = pair.paste("uploads", "soft_delete")
    uploads.Document.deleted_at = deleted_at()

    class DocumentView(*pair.bases(soft.SoftDeleteView, uploads.DocumentView)):
        pass

    folder = pair.folder / "files"
    surface = pair.start(
        uploads,
        DocumentView(uploads.Document, uploads.db.session, endpoint="both"),
        UPLOAD_FOLDER=str(folder),
    )
    for name in ["one", "two", "three"]:
        new = {"title": name, "filename": upload(name)}
        assert SAVED in surface.submit(f"{BOTH}new/", new)
    surface.submit(f"{BOTH}edit/", {"filename": upload("four")}, id=3)
    assert contents(folder) == ["four", "one", "two"]
    # A row that can come back keeps its file.
    surface.delete(BOTH, 1)
    surface.action(BOTH, "delete", [2])
    assert contents(folder) == ["four", "one", "two"]
    with surface.app.app_context():
        uploads.sweep(age=0)
    assert contents(folder) == ["four", "one", "two"]
    assert len(surface.rows(BOTH)) == 1
    hidden = [row.deleted_at is not None for row in stored(surface, uploads.Document)]
    assert hidden == [True, True, False]


def test_uploads_with_optimistic_locking(pair):
    line = 'class Document(Base):\n    __tablename__ = "uploads_document"'
    uploads, locking = pair.paste(("uploads", *versioned(line)), "optimistic_locking")

    class DocumentView(*pair.bases(locking.VersionedView, uploads.DocumentView)):
        form_columns = ["title", "filename", "version"]

    folder = pair.folder / "files"
    surface = pair.start(
        uploads,
        DocumentView(uploads.Document, uploads.db.session, endpoint="both"),
        UPLOAD_FOLDER=str(folder),
    )
    new = {"title": "Report", "filename": upload("one")}
    assert SAVED in surface.submit(f"{BOTH}new/", new)
    path = f"{BOTH}edit/"
    assert SAVED in surface.submit(path, {"filename": upload("two")}, id=1)
    stale = {"filename": upload("three"), "version": "1"}
    assert STALE in alerts(surface.submit(path, stale, id=1))
    # The file of who was told goes, and the one that the row names stays.
    assert contents(folder) == ["two"]
    assert SAVED in surface.submit(path, {"_filename-delete": "1"}, id=1)
    assert contents(folder) == []


def test_uploads_with_bulk_delete(pair):
    uploads, bulk = pair.paste("uploads", "bulk_delete")

    class DocumentView(*pair.bases(bulk.DeletesByNumber, uploads.DocumentView)):
        pass

    folder = pair.folder / "files"
    view = DocumentView(uploads.Document, uploads.db.session, endpoint="both")
    surface = pair.start(uploads, view, UPLOAD_FOLDER=str(folder))
    for name in ["one", "two", "three"]:
        new = {"title": name, "filename": upload(name)}
        assert SAVED in surface.submit(f"{BOTH}new/", new)
    surface.action(BOTH, "delete", [1, "x"])
    assert contents(folder) == ["three", "two"]
    # In one statement: the row is gone, and its file waits for the sweep.
    view.fast_mass_delete = True
    surface.action(BOTH, "delete", [2])
    assert [row.title for row in stored(surface, uploads.Document)] == ["three"]
    assert contents(folder) == ["three", "two"]
    with surface.app.app_context():
        uploads.sweep(age=0)
    assert contents(folder) == ["three"]


# Lists, exports and replicas.


def posts(slow, name, count):
    return [
        slow.Post(
            title=name,
            author=slow.User(name=f"{name} {number}"),
            tags=[slow.Tag(name=f"{name} {number}")],
        )
        for number in range(count)
    ]


def test_slow_lists_with_streamed_export(pair):
    slow, streamed = pair.paste("slow_lists", "streamed_export")

    class PostView(*pair.bases(streamed.StreamedExport, slow.PostView)):
        can_export = True

    surface = pair.start(
        slow,
        PostView(slow.Post, slow.db.session, endpoint="both"),
        [*posts(slow, "More", 496), *posts(slow, "=1+1", 1)],
    )
    assert count_statements(surface) == 2
    assert count_statements(surface, page_size=50) == 2
    assert len(surface.rows(BOTH, page_size=50)) == 50
    check_stream(surface, "Post")
    # The posts, and the tags of each hundred.
    assert count_statements(surface, f"{BOTH}export/csv/") == 6


def test_slow_lists_with_fresh_filters(pair):
    slow, fresh = pair.paste("slow_lists", "fresh_filters")
    # Your own models with the function of the other page.
    fresh.User = slow.User

    class PostView(slow.PostView):
        column_filters = [
            IntEqualFilter(
                slow.Post.author_id, "Author", options=fresh.Fresh(fresh.authors)
            )
        ]

    surface = pair.start(slow, PostView(slow.Post, slow.db.session, endpoint="both"))
    before = count_statements(surface)
    assert "Hedy 0" not in surface.get(BOTH)
    put(surface, *posts(slow, "Hedy", 15))
    # The posts, their tags, and the options of the filter.
    assert (before, count_statements(surface)) == (3, 3)
    assert "Hedy 0" in surface.get(BOTH)
    assert len(surface.rows(BOTH, flt0_0=1)) == 1


def test_read_only_with_streamed_export(pair):
    streamed, read_only = pair.paste("streamed_export", "read_only")

    class PostView(*pair.bases(read_only.ReadOnly, streamed.PostView)):
        pass

    surface = pair.start(
        streamed,
        PostView(streamed.Post, streamed.db.session, endpoint="both"),
        [streamed.Post(title="=1+1", author_id=1) for _ in range(497)],
    )
    check_stream(surface, "Post")
    check_read_only(surface, streamed.Post)


def check_read_only(surface, model):
    before, token = stored(surface, model), surface.token(BOTH.replace("both", "post"))
    sent = {"csrf_token": token, "id": 1, "rowid": [1], "list_form_pk": 1}
    sent |= {"action": "delete", "title": "Taken", "name": "Taken"}
    for method, path in routes(surface.app):
        if path.startswith(BOTH) and method == "POST":
            answer = surface.client.post(path, query_string={"id": 1}, data=sent)
            assert (path, answer.status_code) == (path, 403)
    assert stored(surface, model) == before


class Replica:
    """A replica that has what the primary had when it was made."""

    def __init__(self, folder):
        self.copy = folder / "replica.db"
        url = f"sqlite:///file:{self.copy}?mode=ro&uri=true"
        self.engines = [("replica", url)]

    def replicate(self, surface):
        primary = surface.url.removeprefix("sqlite:///")
        with (
            closing(sqlite3.connect(primary)) as source,
            closing(sqlite3.connect(self.copy)) as target,
        ):
            source.backup(target)


def test_replica_with_read_only(pair):
    replica, read_only = pair.paste("replica", "read_only")

    class TagView(*pair.bases(read_only.ReadOnly, replica.TagView)):
        can_view_details = True

    behind = Replica(pair.folder)
    surface = pair.start(
        replica,
        TagView(replica.Tag, replica.db.session, endpoint="both"),
        engines=behind.engines,
    )
    behind.replicate(surface)
    put(surface, replica.Tag(name="late"))
    assert "history" in str(surface.rows(BOTH))
    assert "late" not in str(surface.rows(BOTH))
    assert "late" in surface.get(f"{BOTH}details/", id=3)
    check_read_only(surface, replica.Tag)


def test_replica_with_streamed_export(pair):
    replica, streamed = pair.paste("replica", "streamed_export")

    class PostView(*pair.bases(streamed.StreamedExport, replica.PostView)):
        pass

    behind = Replica(pair.folder)
    surface = pair.start(
        replica,
        PostView(replica.Post, replica.db.session, endpoint="both"),
        [replica.Post(title="=1+1", author_id=1) for _ in range(499)],
        engines=behind.engines,
    )
    behind.replicate(surface)
    put(surface, replica.Post(title="late", author_id=1))
    assert "late" not in check_stream(surface, "Post")
    # Who has just saved reads the primary, in the file as in the list.
    surface.update(BOTH, 1, title="saved")
    export = surface.get(f"{BOTH}export/csv/")
    assert "late" in export
    assert "saved" in export


def test_replica_with_optimistic_locking(pair):
    line = 'class Tag(Base):\n    __tablename__ = "replica_tag"'
    replica, locking = pair.paste(("replica", *versioned(line)), "optimistic_locking")

    class TagView(*pair.bases(locking.VersionedView, replica.TagView)):
        form_columns = ["name", "version"]

    behind = Replica(pair.folder)
    surface = pair.start(
        replica,
        TagView(replica.Tag, replica.db.session, endpoint="both"),
        engines=behind.engines,
    )
    behind.replicate(surface)
    statement = "UPDATE replica_tag SET name = 'saved', version = 2 WHERE id = 1"
    ask_and_commit(surface, statement)
    assert "saved" not in str(surface.rows(BOTH))
    # The form shows the version of the primary, however late the list is.
    path = f"{BOTH}edit/"
    assert SAVED in surface.submit(path, {"name": "first"}, id=1)
    stale = {"name": "second", "version": "2"}
    assert STALE in alerts(surface.submit(path, stale, id=1))
    assert stored(surface, replica.Tag)[0].name == "first"


def limitations(page):
    text = (DOCS / f"recipes/{page}.md").read_text("utf-8")
    return text.partition("\n## Limitations\n")[2].partition("\n## ")[0]


def test_each_pair_has_its_test_and_each_recipe_its_promise():
    pages = {page for claim in PAIRS.values() for page in claim["recipes"]}
    assert {f"test_{name}" for name in PAIRS} == {
        name for name in globals() if re.fullmatch("test_[a-z_]+_with_[a-z_]+", name)
    }
    assert claims.read("pairs")["recipes"].keys() == pages
    assert pages <= {page.stem for page in claims.RECIPES}
    assert len({frozenset(claim["recipes"]) for claim in PAIRS.values()}) == len(PAIRS)
    assert len(claims.read("pairs")["pairs"]) == len(PAIRS) >= 25


@pytest.mark.parametrize("name", [name for name in PAIRS if "fails" in PAIRS[name]])
def test_both_pages_say_what_fails(name):
    assert PAIRS[name]["instead"]
    for page in PAIRS[name]["recipes"]:
        assert f'{{{{ guide.conflicts("{page}") }}}}' in limitations(page)


FAULTS = [
    ("tenants_with_soft_delete", "soft_delete.SoftDeleteView.get_one"),
    ("tenants_with_soft_delete", "tenants.TenantView.get_one"),
    ("tenants_with_inline_models", "tenants.TenantView.validate_form"),
    ("tenants_with_ajax_references", "ajax_references.OwnLoader.get_query"),
    ("tenants_with_ajax_references", "tenants.TenantLoader.get_query"),
    ("tenants_with_bulk_delete", "bulk_delete.ArchiveView.get_query"),
    ("tenants_with_bulk_delete", "tenants.TenantView.get_query"),
    ("tenants_with_streamed_export", "reversed"),
    ("tenants_with_streamed_export", "tenants.TenantView.get_query"),
    ("tenants_with_slow_lists", "slow_lists.PostView.get_query"),
    ("tenants_with_slow_lists", "tenants.TenantView.get_query"),
    ("tenants_with_fresh_filters", "tenants.TenantView.get_query"),
    ("tenants_with_optimistic_locking", "reversed"),
    ("tenants_with_optimistic_locking", "tenants.TenantView.get_one"),
    ("tenants_with_integrity_errors", "reversed"),
    ("tenants_with_integrity_errors", "tenants.TenantView.on_model_change"),
    ("tenants_with_audit_trail", "audit_trail.who"),
    ("tenants_with_audit_trail", "tenants.TenantView.get_query"),
    ("tenants_with_uploads", "tenants.TenantView.get_one"),
    ("tenants_with_uploads", "uploads.remove"),
    ("tenants_with_flask_security", "reversed"),
    ("tenants_with_flask_security", "tenants.TenantView.get_one"),
    ("tenants_with_composite_keys", "composite_keys.CompositeView.get_one"),
    ("tenants_with_composite_keys", "tenants.TenantView.get_one"),
    ("tenants_with_read_only", "reversed"),
    ("tenants_with_read_only", "tenants.TenantView.get_query"),
    ("protected_admin_with_read_only", "reversed"),
    ("csrf_with_content_security_policy", "reversed"),
    ("csrf_with_content_security_policy", "csrf#app"),
    ("csrf_with_content_security_policy", "content_security_policy.add_policy"),
    ("flask_login_with_content_security_policy", "flask_login#app"),
    (
        "flask_login_with_content_security_policy",
        "content_security_policy.add_policy",
    ),
    ("csrf_with_flask_login", "csrf#app"),
    ("csrf_with_protected_admin", "csrf#app"),
    ("csrf_with_tenants", "csrf#app"),
    ("csrf_with_flask_security", "csrf#app"),
    ("csrf_with_flask_security", "reversed"),
    ("csrf_with_inline_models", "csrf#app"),
    ("flask_login_with_audit_trail", "audit_trail#listen"),
    ("audit_trail_with_soft_delete", "audit_trail.who"),
    ("audit_trail_with_soft_delete", "soft_delete.SoftDeleteView.delete_model"),
    ("audit_trail_with_bulk_delete", "audit_trail#listen"),
    ("audit_trail_with_bulk_delete", "bulk_delete.TicketView.on_model_delete"),
    ("optimistic_locking_with_audit_trail", "reversed"),
    ("optimistic_locking_with_inline_models", "reversed"),
    ("optimistic_locking_with_soft_delete", "reversed"),
    ("optimistic_locking_with_soft_delete", "soft_delete.SoftDeleteView.get_one"),
    ("optimistic_locking_with_integrity_errors", "reversed"),
    ("request_transaction_with_integrity_errors", "reversed"),
    ("request_transaction_with_optimistic_locking", "reversed"),
    (
        "request_transaction_with_optimistic_locking",
        "request_transaction.ProductView.on_model_change",
    ),
    ("request_transaction_with_audit_trail", "audit_trail#listen"),
    (
        "request_transaction_with_audit_trail",
        "request_transaction.ProductView.on_model_change",
    ),
    ("soft_delete_with_integrity_errors", "reversed"),
    ("soft_delete_with_inline_models", "soft_delete.SoftDeleteView.delete_model"),
    ("uploads_with_soft_delete", "soft_delete.SoftDeleteView.delete_model"),
    ("uploads_with_soft_delete", "uploads.remove"),
    ("uploads_with_optimistic_locking", "reversed"),
    ("uploads_with_optimistic_locking", "uploads.remove"),
    ("uploads_with_bulk_delete", "uploads.remove"),
    ("slow_lists_with_streamed_export", "reversed"),
    ("slow_lists_with_streamed_export", "slow_lists.PostView.get_query"),
    ("slow_lists_with_fresh_filters", "slow_lists.PostView.get_query"),
    ("read_only_with_streamed_export", "reversed"),
    ("replica_with_read_only", "replica.ReplicaList.get_list"),
    ("replica_with_read_only", "reversed"),
    ("replica_with_streamed_export", "replica.ReplicaList.get_list"),
    ("replica_with_streamed_export", "reversed"),
    ("replica_with_optimistic_locking", "reversed"),
]


def test_each_pair_can_fail():
    assert {name for name, fault in FAULTS} == PAIRS.keys()


@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_a_planted_fault(name, fault, drive, tmp_path):
    with pytest.raises((AssertionError, Failure)):
        globals()[f"test_{name}"](Pair(drive, tmp_path, PAIRS[name], fault))
