"""The published doctor names what is wrong, and what it prints heals it.

Each run is a child of this process, forked after the packages were imported: a process
for each application, in a fraction of the time of a new one.
"""

import ast
import getpass
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import traceback
import venv
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import MetaData, create_engine, select

import snippets.doctor
from snippets.workarounds import proxy_sqlalchemy
from tools.paths import ROOT, SNIPPETS

DOCTOR = ROOT / "docs/_extra/doctor.py"
# Imported once for all children.
PACKAGES = ["flask_admin.contrib.sqla", "flask_sqlalchemy", "flask_sqlalchemy_lite"]
PACKAGES += ["flask_login", "psycopg", "sqlite3", "snippets.views"]

# The templates of Flask-Admin, compiled once for all children.
COMPILED = FileSystemBytecodeCache()

# What the printed change heals, one for each finding.
SICK = {
    "session_without_context": "FAL001",
    "session_rejected": "FAL002",
    "view_holds_session": "FAL010",
    "loader_holds_session": "FAL011",
    "validator_holds_session": "FAL012",
    "filter_holds_session": "FAL013",
    "attribute_holds_session": "FAL014",
    "context_left_pushed": "FAL020",
    "session_left_open": "FAL021",
    "session_never_closed": "FAL022",
    "session_of_all_threads": "FAL023",
    "self_session_is_db": "FAL024",
}


def load():
    """The doctor as a module, from the file that is published."""
    spec = importlib.util.spec_from_file_location("doctor", DOCTOR)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def forked(folder, arguments, before=None):
    """Run the doctor in a child, in a folder; return its code and what it printed."""
    for name in PACKAGES:
        importlib.import_module(name)
    said = folder / "said"
    child = os.fork()
    if child == 0:
        leave = os._exit
        try:
            with said.open("w") as output:
                sys.stdout = sys.__stdout__ = sys.stderr = sys.__stderr__ = output
                os.chdir(folder)
                sys.path.insert(0, str(ROOT))
                # What other tests imported is no part of the application.
                ours = "snippets.", "tests.", "tools."
                for name in [n for n in sys.modules if n.startswith(ours)]:
                    del sys.modules[name]
                Flask.jinja_options = {"bytecode_cache": COMPILED}
                sys.argv = ["doctor.py", *arguments]
                doctor = load()
                if before:
                    before(doctor)
                # Leaving at once, the doctor would leave its output behind.
                os._exit = lambda code: (output.flush(), leave(code))
                doctor.run()
        except SystemExit as error:
            leave(error.code)
        except BaseException:
            said.write_text(traceback.format_exc())
        finally:
            leave(99)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status), said.read_text()


@pytest.fixture
def examine(tmp_path, monkeypatch):
    """Examine an application in a folder of its own."""
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/guide.db")

    def examine(source, *options, app="shop", before=None):
        if isinstance(source, Path):
            source = source.read_text("utf-8")
        if source is not None:
            (tmp_path / "shop.py").write_text(textwrap.dedent(source), "utf-8")
        arguments = ["--only", "application", *options]
        arguments += ["--app", app] if app else []
        code, said = forked(tmp_path, arguments, before)
        found = SimpleNamespace(code=code, said=said, ids=[], folder=tmp_path)
        assert "Traceback (most recent call last)" not in said
        if "--json" in options and said.startswith("{"):
            vars(found).update(json.loads(said))
            found.ids = [finding["id"] for finding in found.findings]
        return found

    return examine


def heal(found):
    """Apply what was printed to the file of the application."""
    for finding in found.findings:
        assert finding["diff"], finding
        done = subprocess.run(
            ["patch", "-p1", "--no-backup-if-mismatch"],
            cwd=found.folder,
            input=finding["diff"] + "\n",
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout


def test_each_finding_has_an_application_and_a_place_on_the_page():
    known = load().FINDINGS.keys()
    assert known - set(SICK.values()) == {"FAL003"}
    modules = {path.stem for path in Path(snippets.doctor.__file__).parent.glob("*.py")}
    assert modules - {"__init__"} == set(SICK)
    page = (ROOT / "docs/doctor-findings.md").read_text("utf-8")
    assert re.findall(r"^## (FAL\d+)", page, re.MULTILINE) == list(known)
    assert re.findall(r"^\((fal\d+)\)=", page, re.MULTILINE) == [
        each.lower() for each in known
    ]


@pytest.mark.parametrize("name", SICK)
def test_a_sick_application_is_named_and_healed(name, examine):
    path = SNIPPETS / "doctor" / f"{name}.py"
    found = examine(path, "--json")
    assert (found.code, found.ids) == (1, [SICK[name]]), found.said
    [finding] = found.findings
    assert re.fullmatch(r"shop\.py:\d+", finding["where"])
    assert finding["page"].endswith(f"doctor-findings.html#{SICK[name].lower()}")
    heal(found)
    healed = examine(None, "--json")
    assert (healed.code, healed.ids) == (0, []), healed.said


def test_the_class_is_the_one_of_the_guide():
    doctor = load()
    source = Path(proxy_sqlalchemy.__file__).read_text("utf-8")
    region = re.search(r"# region db\n(.*?)# endregion db\n", source, re.DOTALL)[1]
    assert region == doctor.PROXY
    assert imported(doctor.PROXY_IMPORTS) <= imported(source)


def imported(source):
    return {
        (node.module, alias.name)
        for node in ast.parse(source).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


# An application to be varied: MODELS, then what differs.
MODELS = """
import os
from flask import Flask, current_app, g, redirect, request
from flask_admin import Admin, AdminIndexView, BaseView, expose
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.validators import Unique
from flask_admin.form import SecureForm
from sqlalchemy import create_engine, event, select, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker
from sqlalchemy.pool import NullPool, StaticPool
from snippets.models import Base, Post, Tag, User, create_tables, seed
URL = os.environ["DATABASE_URL"]

class View(ModelView):
    form_base_class = SecureForm
    can_view_details = True

def new_app(**config):
    app = Flask(__name__)
    app.config.from_mapping({"SECRET_KEY": "testing"}, **config)
    app.config.setdefault("SQLALCHEMY_ENGINES", {"default": URL})
    app.config.setdefault("SQLALCHEMY_DATABASE_URI", URL)
    return app
"""
LITE = (
    MODELS
    + """
from flask_sqlalchemy_lite import SQLAlchemy
from snippets.workarounds.proxy_sqlalchemy import ProxySQLAlchemy
db = ProxySQLAlchemy()

def start(**config):
    app = new_app(**config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
    return app
"""
)
FULL = (
    MODELS
    + """
from flask_sqlalchemy import SQLAlchemy
db = SQLAlchemy(model_class=Base)

def start(**config):
    app = new_app(**config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
    return app
"""
)
PLAIN = (
    MODELS
    + """
engine = create_engine(URL)
Base.metadata.create_all(engine)
with Session(engine) as first:
    seed(first)
"""
)

# More faults: what differs, and the ids.
FAULTS = {
    "a session of the extension is called": (
        FULL,
        """
        def create_app():
            app = start()
            with app.app_context():
                Admin(app).add_view(View(Tag, db.session()))
            return app
        """,
        ["FAL002"],
    ),
    "a hook uses a global session": (
        PLAIN
        + """
session = scoped_session(sessionmaker(engine))
kept = Session(engine)
class TagView(View):
    def on_form_prefill(self, form, id):
        form.name.description = str(kept.scalar(select(Tag.id)))
""",
        """
        def create_app():
            app = new_app()
            app.teardown_appcontext(lambda error: session.remove())
            Admin(app).add_view(TagView(Tag, session))
            return app
        """,
        ["FAL014"],
    ),
    "a query factory closes over a session": (
        LITE.replace("ProxySQLAlchemy()", "SQLAlchemy()"),
        """
        def create_app():
            app = start()
            with app.app_context():
                session = db.session
                class PostView(View):
                    form_args = {
                        "author": {"query_factory": lambda: session.query(User)}
                    }
                Admin(app).add_view(PostView(Post, db))
            return app
        """,
        ["FAL012"],
    ),
    "a validator of an inline form": (
        LITE.replace("ProxySQLAlchemy()", "SQLAlchemy()"),
        """
        def create_app():
            app = start()
            with app.app_context():
                unique = Unique(db.session, Post, Post.title)
                class UserView(View):
                    inline_models = [
                        (Post, {"form_args": {"title": {"validators": [unique]}}})
                    ]
                Admin(app).add_view(UserView(User, db))
            return app
        """,
        ["FAL012"],
    ),
    "a connection of the engine": (
        LITE
        + """
class Report(BaseView):
    @expose("/")
    def index(self):
        connection = db.engine.connect()
        return str(connection.scalar(select(Tag.id)))
""",
        """
        def create_app():
            app = start()
            Admin(app).add_view(Report(endpoint="report"))
            return app
        """,
        ["FAL021"],
    ),
    "a second engine": (
        LITE
        + """
class TagView(View):
    @expose("/count")
    def count(self):
        connection = db.get_engine("second").connect()
        return str(connection.scalar(select(1)))
""",
        """
        def create_app():
            second = {"default": URL, "second": URL + ".second"}
            app = start(SQLALCHEMY_ENGINES=second)
            Admin(app).add_view(TagView(Tag, db.session))
            return app
        """,
        ["FAL021"],
    ),
    "one session for the process": (
        LITE,
        """
        def create_app():
            app = start()
            with app.app_context():
                session = scoped_session(db.sessionmaker, scopefunc=lambda: None)
            Admin(app).add_view(View(Tag, session))
            return app
        """,
        ["FAL022"],
    ),
    "a pushed context with a name": (
        LITE,
        """
        def create_app():
            app = start()
            context = app.app_context()
            context.push()
            Admin(app).add_view(View(Tag, db.session))
            return app
        """,
        ["FAL020"],
    ),
    "a session in another module": (
        PLAIN
        + """
from types import ModuleType
session = scoped_session(sessionmaker(engine))
store = ModuleType("store")
store.kept = Session(engine)
class TagView(View):
    def on_form_prefill(self, form, id):
        form.name.description = str(store.kept.scalar(select(Tag.id)))
""",
        """
        def create_app():
            app = new_app()
            app.teardown_appcontext(lambda error: session.remove())
            app.teardown_appcontext(lambda error: store.kept.close())
            Admin(app).add_view(TagView(Tag, session))
            return app
        """,
        ["FAL014"],
    ),
    "one session in two views": (
        LITE.replace("ProxySQLAlchemy()", "SQLAlchemy()")
        + """
class Holding(View):
    def __init__(self, model):
        super().__init__(model, db)
        self.session = db.session
""",
        """
        def create_app():
            app = start()
            with app.app_context():
                admin = Admin(app)
                admin.add_view(Holding(Tag))
                admin.add_view(Holding(User))
            return app
        """,
        ["FAL010"],
    ),
    "a page whose session all requests share": (
        PLAIN
        + """
session = scoped_session(sessionmaker(engine), scopefunc=lambda: None)
class Report(BaseView):
    @expose("/")
    def index(self):
        return str(current_app.extensions["store"]().scalar(select(Tag.id)))
""",
        """
        def create_app():
            app = new_app()
            app.extensions["store"] = session
            app.teardown_appcontext(lambda error: session.remove())
            Admin(app).add_view(Report(endpoint="report"))
            return app
        """,
        ["FAL023"],
    ),
    "a hook that no GET reaches": (
        FULL
        + """
class TagView(View):
    def after_model_change(self, form, model, is_created):
        self.session.add(Tag(name="after"))
""",
        """
        def create_app():
            app = start()
            Admin(app).add_view(TagView(Tag, db))
            return app
        """,
        ["FAL024"],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_another_sick_application(name, examine):
    models, rest, ids = FAULTS[name]
    found = examine(models + textwrap.dedent(rest), "--json")
    assert (found.code, found.ids) == (1, ids), found.said
    heal(found)
    healed = examine(None, "--json")
    assert (healed.code, healed.ids) == (0, []), healed.said


def test_a_session_in_another_file_than_the_application(examine, tmp_path):
    """One finding for all views, and a change where the application is created."""
    store = f"{PLAIN}\nsession = scoped_session(sessionmaker(engine))\n"
    (tmp_path / "store.py").write_text(store, "utf-8")
    source = """
        from store import Admin, Flask, Tag, User, View, session as store_session

        def create_app():
            app = Flask(__name__)
            app.secret_key = "testing"
            admin = Admin(app)
            admin.add_view(View(Tag, store_session))
            admin.add_view(View(User, store_session))
            return app
    """
    found = examine(source, "--json")
    assert (found.code, found.ids) == (1, ["FAL022"]), found.said
    [finding] = found.findings
    assert finding["views"] == ["Tag", "User"]
    assert re.fullmatch(r"store\.py:\d+", finding["cause"])
    heal(found)
    healed = examine(None, "--json")
    assert (healed.code, healed.ids) == (0, []), healed.said


def test_a_session_for_each_view_made_in_one_place(examine):
    """One finding, however many views."""
    source = f"""{PLAIN}
class Held(View):
    def __init__(self, model, session):
        super().__init__(model, scoped_session(lambda: session))
        self.session = session

def make():
    return Session(engine)

app = new_app()
admin = Admin(app)
for model in Tag, User, Post:
    admin.add_view(Held(model, make()))
"""
    found = examine(source, "--json")
    assert found.ids == ["FAL010"], found.said
    assert found.findings[0]["views"] == ["Tag", "User", "Post"]


@pytest.mark.parametrize(
    ("id", "maker"), [("FAL010", "SessionLocal"), ("FAL002", "Session")]
)
def test_a_session_that_another_module_knows_how_to_make(id, maker, examine, tmp_path):
    """The change calls what the application calls, and imports what it lacks.

    The session is held, or rejected while the view is made.
    """
    store = f"{PLAIN}\n{maker} = sessionmaker(engine)\n"
    (tmp_path / "store.py").write_text(store, "utf-8")
    kept = f'"""A session."""\nfrom store import {maker}\n\nkept = {maker}()\n'
    (tmp_path / "kept.py").write_text(kept, "utf-8")
    source = """
        from kept import kept
        from store import Admin, Flask, Tag, View, scoped_session

        app = Flask(__name__)
        app.secret_key = "testing"
        class Held(View):
            def __init__(self, model, session):
                super().__init__(model, scoped_session(lambda: session))
                self.session = session
        Admin(app).add_view(VIEW(Tag, kept))
    """.replace("VIEW", "Held" if id == "FAL010" else "View")

    def without_lite(doctor):
        del sys.modules["flask_sqlalchemy_lite"]

    found = examine(source, "--json", before=without_lite)
    assert (found.code, found.ids) == (1, [id]), found.said
    assert found.findings[0]["cause"] == "kept.py:4"
    assert found.findings[0]["write"].startswith("Use a scoped session")
    heal(found)
    assert f"kept = scoped_session({maker})" in (tmp_path / "kept.py").read_text()
    healed = examine(None, "--json")
    assert (healed.code, healed.ids) == (0, []), healed.said


HEALTHY = {
    "pages that write": (
        LITE,
        """
        def create_app():
            app = start()
            @app.before_request
            def last_seen():
                with db.session.begin_nested():
                    db.session.add(Tag(name=os.urandom(4).hex()))
                db.session.commit()
            Admin(app).add_view(View(Tag, db.session))
            return app
        """,
    ),
    "a listener that begins": (
        LITE,
        """
        def create_app():
            app = start()
            with app.app_context():
                engine = db.engine
                engine.dispose()
            @event.listens_for(engine, "connect")
            def connect(raw, record):
                raw.isolation_level = None
                raw.execute("PRAGMA foreign_keys = ON")
            @event.listens_for(engine, "begin")
            def begin(connection):
                connection.exec_driver_sql("BEGIN")
            Admin(app).add_view(View(Tag, db.session))
            return app
        """,
    ),
    "in memory": (
        LITE,
        """
        def create_app():
            app = start(SQLALCHEMY_ENGINES={"default": "sqlite://"})
            Admin(app).add_view(View(Tag, db.session))
            return app
        """,
    ),
    "no pool": (
        LITE,
        """
        def create_app():
            app = start(
                SQLALCHEMY_ENGINES={"default": {"url": URL, "poolclass": NullPool}}
            )
            Admin(app).add_view(View(Post, db.session))
            return app
        """,
    ),
    "Flask-SQLAlchemy, by db and by session": (
        FULL,
        """
        def create_app():
            app = start()
            admin = Admin(app)
            admin.add_view(View(User, db))
            admin.add_view(View(Tag, db.session))
            return app
        """,
    ),
    "SQLAlchemy alone": (
        PLAIN,
        """
        def create_app():
            app = new_app()
            session = scoped_session(sessionmaker(engine))
            app.teardown_appcontext(lambda error: session.remove())
            Admin(app).add_view(View(Tag, session))
            return app
        """,
    ),
    "a subdomain, and HTTPS": (
        LITE,
        """
        def create_app():
            app = start(SERVER_NAME="shop.test")
            app.subdomain_matching = True
            @app.before_request
            def secure():
                if not request.is_secure:
                    return redirect(request.url.replace("http:", "https:"), 308)
            Admin(app, subdomain="back").add_view(View(Tag, db.session))
            return app
        """,
    ),
    "a prefix": (
        LITE,
        """
        def create_app():
            from werkzeug.middleware.dispatcher import DispatcherMiddleware
            app = start()
            Admin(app).add_view(View(Tag, db.session))
            app.wsgi_app = DispatcherMiddleware(Flask("none"), {"/x": app.wsgi_app})
            return app
        """,
    ),
    "a session that is not used, of a name that is": (
        LITE
        + """
class TagView(View):
    def on_form_prefill(self, form, id):
        form.name.description = str(db.session.scalar(select(Tag.id)))
""",
        """
        def create_app():
            app = start()
            global session
            session = Session(create_engine(URL))
            Admin(app).add_view(TagView(Tag, db.session))
            return app
        """,
    ),
    "a scope that each request sets": (
        PLAIN
        + """
session = scoped_session(sessionmaker(engine), scopefunc=lambda: g.get("number"))
""",
        """
        def create_app():
            app = new_app()
            @app.before_request
            def number():
                g.number = os.urandom(4)
            app.teardown_appcontext(lambda error: session.remove())
            Admin(app).add_view(View(Tag, session))
            return app
        """,
    ),
    "a start page that leads on": (
        LITE
        + """
class Report(BaseView):
    @expose("/")
    def index(self):
        return redirect("/admin/report/all")
    @expose("/all")
    def all(self):
        return str(db.session.scalar(select(Tag.id)))
""",
        """
        def create_app():
            app = start()
            Admin(app).add_view(Report(endpoint="report"))
            return app
        """,
    ),
    "a name that is translated": (
        LITE
        + """
class Lazy:
    def __str__(self):
        return current_app.config["TAGS"]
""",
        """
        def create_app():
            app = start(TAGS="Etiquetas")
            Admin(app).add_view(View(Tag, db.session, name=Lazy(), endpoint="tag"))
            return app
        """,
    ),
    "testing": (
        LITE,
        """
        def create_app():
            app = start(TESTING=True)
            Admin(app).add_view(View(Tag, db.session))
            return app
        """,
    ),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_a_healthy_application(name, examine):
    models, rest = HEALTHY[name]
    found = examine(models + textwrap.dedent(rest), "--json")
    assert (found.code, found.findings) == (0, []), found.said


@pytest.mark.parametrize(
    "name",
    [
        *["proxy_sqlalchemy", "lazy_session", "scoped_session", "session_factory"],
        *["custom_modelview", "app_context", "flask_sqlalchemy"],
    ],
)
def test_an_approach_is_healthy(name, examine):
    found = examine(SNIPPETS / "workarounds" / f"{name}.py", "--json")
    assert (found.code, found.findings) == (0, []), found.said
    assert found.views


def dump(url):
    """Every row of every table."""
    engine, metadata = create_engine(url), MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        found = {
            name: sorted(map(tuple, connection.execute(select(table))), key=str)
            for name, table in metadata.tables.items()
        }
    engine.dispose()
    return found


# Pages that write in every way that we could think of.
WRITER = (
    FULL  # noqa: S608
    + """
from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles

@compiles(String, "mysql")
def with_a_length(kind, compiler, **options):
    return "VARCHAR(100)"

class Log(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    what = db.Column(db.String(20))

def insert(id, more=""):
    return "INTO log (id, what) VALUES (%d, 'written')%s" % (id, more)

class Writing(View):
    @expose("/returning")
    def returning(self):
        statement = "INSERT " + insert(9009, " RETURNING id")
        if db.engine.dialect.name == "postgresql":
            statement = f"WITH made AS ({statement}) SELECT * FROM made"
        assert db.session.scalar(text(statement)) == 9009
        db.session.commit()
        return "done"

    @expose("/raw")
    def raw(self):
        connection = db.engine.raw_connection()
        try:
            connection.cursor().execute("INSERT " + insert(9008))
            connection.commit()
        finally:
            connection.close()
        return "done"

    @expose("/autocommit")
    def autocommit(self):
        engine = db.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("INSERT " + insert(9007)))
        return "done"

    @expose("/commit")
    def commit(self):
        with db.engine.connect() as connection:
            connection.execute(text("INSERT " + insert(9006)))
            connection.execute(text("COMMIT"))
        return "done"

    @expose("/read-write")
    def read_write(self):
        with db.engine.begin() as connection:
            if connection.dialect.name != "sqlite":
                connection.execute(text("SET SESSION TRANSACTION READ WRITE" if
                    connection.dialect.name == "mysql" else
                    "SET TRANSACTION READ WRITE"))
            connection.execute(text("INSERT " + insert(9005)))
        return "done"

def create_app():
    app = start()
    with app.app_context():
        db.create_all()
    @app.before_request
    def last_seen():
        row = Log(what="seen")
        with db.session.begin_nested():
            db.session.add(row)
        db.session.commit()
        assert row.what == "seen"
        if db.engine.dialect.name == "postgresql":
            db.session.execute(text("SET LOCAL statement_timeout = 5000"))
    admin = Admin(app)
    admin.add_view(Writing(Tag, db.session))
    admin.add_view(View(User, db.session))
    return app
"""
)


def no_session(doctor):
    """Behind a pooler, a setting would stay on a connection that others get."""
    original = doctor.rows

    def rows(raw, statement):
        assert doctor.family(raw) != "postgresql" or "SET SESSION" not in statement
        return original(raw, statement)

    doctor.rows = rows


def prove(url, examine, monkeypatch, *options):
    """Nothing is written, although every page of the application writes."""
    monkeypatch.setenv("DATABASE_URL", url)
    make = "import shop; shop.create_app()"
    folder = examine(WRITER, "--help").folder
    command, path = (
        [sys.executable, "-c", make],
        os.pathsep.join([str(ROOT), *sys.path]),
    )
    subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": path}, check=True
    )
    before = dump(url)
    assert len(before["user"]) == 2
    found = examine(None, "--json", "--timeout", "20", *options, before=no_session)
    assert dump(url) == before
    assert (found.code, found.findings) == (0, []), found.said
    requests = [view["requests"] for view in found.views]
    assert requests == ([12, 7] if options else [10, 5])


@pytest.mark.parametrize("options", [[], ["--try-forms"]])
def test_nothing_is_written_to_sqlite(options, examine, tmp_path, monkeypatch):
    prove(f"sqlite:///{tmp_path}/guide.db", examine, monkeypatch, *options)


@pytest.fixture(scope="module")
def postgres():
    from tools.measure.reliability.postgres import NoServer, running

    try:
        with running() as server:
            yield server
    except NoServer as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("options", [[], ["--try-forms"]])
def test_nothing_is_written_to_postgresql(options, examine, postgres, monkeypatch):
    with postgres.database() as url:
        prove(url, examine, monkeypatch, *options)


@pytest.fixture(scope="module")
def mariadb_server():
    """The socket of a server of its own, which opens no port."""
    programs = ["mariadb-install-db", "mariadbd", "mariadb-admin"]
    if not all(map(shutil.which, programs)) or not importlib.util.find_spec("pymysql"):
        pytest.skip("No MariaDB: install mariadb-server and PyMySQL.")
    with tempfile.TemporaryDirectory(prefix="mariadb-") as folder:
        data, socket = f"--datadir={folder}/data", f"--socket={folder}/socket"
        user = f"--user={getpass.getuser()}"
        install = ["mariadb-install-db", "--no-defaults", data, user]
        install += ["--auth-root-authentication-method=normal"]
        subprocess.run(install, check=True, capture_output=True)
        server = ["mariadbd", "--no-defaults", data, socket, user, "--skip-networking"]
        with subprocess.Popen(server, stderr=subprocess.PIPE, text=True) as process:
            try:
                assert any("ready for connections" in line for line in process.stderr)
                yield f"{folder}/socket"
            finally:
                process.terminate()


@pytest.fixture
def mariadb(mariadb_server):
    """The address of an empty database."""
    admin = ["mariadb-admin", "--no-defaults", "--user=root"]
    admin += [f"--socket={mariadb_server}"]
    subprocess.run([*admin, "create", "guide"], check=True)
    yield f"mysql+pymysql://root@localhost/guide?unix_socket={mariadb_server}"
    subprocess.run(
        [*admin, "--force", "drop", "guide"], check=True, capture_output=True
    )


@pytest.mark.parametrize("options", [[], ["--try-forms"]])
def test_nothing_is_written_to_mariadb(options, examine, mariadb, monkeypatch):
    prove(mariadb, examine, monkeypatch, *options)


def test_removal_of_the_guard(examine, tmp_path, monkeypatch):
    """Without it, everything is written: the proof above can fail."""
    url = f"sqlite:///{tmp_path}/guide.db"

    def unguarded(doctor):
        doctor.Guard.protect = lambda *arguments, **options: None
        doctor.Guard.is_ours = lambda *arguments: True

    monkeypatch.setenv("DATABASE_URL", url)
    examine(WRITER, "--json", before=unguarded)
    written = {row[0] for row in dump(url)["log"]}
    assert {9005, 9006, 9007, 9008, 9009} <= written


def app(rest, models=LITE):
    """An application whose factory is given."""
    return models + textwrap.dedent(rest)


FINE = """
def create_app(name="testing"):
    app = start()
    Admin(app).add_view(View(Tag, db.session))
    return app
"""


def views(body, more="pass"):
    """An application with one page of its own."""
    return app(
        f"""
class Page(BaseView):
    @expose("/")
    def index(self):
        {body}

def create_app():
    app = start()
    {more}
    Admin(app).add_view(Page(endpoint="page"))
    return app
"""
    )


# What cannot be examined, the code, and the sentence.
BAD = {
    "no application": ("pass", [], 2, "No application: Failed to find"),
    "raises": (
        "1 / 0",
        [],
        2,
        "raises ZeroDivisionError: division by zero (shop.py:1)",
    ),
    "leaves": ("import sys; sys.exit('bye')", [], 2, "raises SystemExit: bye"),
    "no admin": (app("app = new_app()"), [], 2, "has no Admin: nothing to examine."),
    "no view": (
        app("app = start(); Admin(app)"),
        [],
        2,
        "no views: nothing to examine",
    ),
    "no SQLAlchemy": (views("return 'done'"), [], 2, "No page uses SQLAlchemy"),
    "a page raises": (
        views("1 / 0"),
        [],
        2,
        "raises ZeroDivisionError: division by zero",
    ),
    "a page hangs": (
        views("import threading; threading.Event().wait()"),
        ["--timeout", "0.5"],
        2,
        "GET /admin/page/ gave no answer within 0.5 s",
    ),
    "it is made too late": (
        "import threading; threading.Event().wait()",
        ["--timeout", "0.3"],
        2,
        "the application is not made within",
    ),
    "a login": (
        views("return redirect('/login')"),
        [],
        2,
        "asks for a login: see --as-user",
    ),
    "a page that leads away": (
        views("return redirect('/start')"),
        [],
        2,
        "Page: GET /admin/page/ redirects to /start; if that is a login: see --as-user",
    ),
    "an error handler hides what is raised": (
        views("1 / 0", "app.register_error_handler(Exception, lambda e: ('no', 500))"),
        [],
        2,
        "raises ZeroDivisionError: division by zero (shop.py:",
    ),
    "Flask-Babel is installed and not used": (
        views("raise KeyError('babel')"),
        [],
        2,
        "KeyError: 'babel' (shop.py:39): Flask-Babel is installed, so call Babel(app).",
    ),
    "no tables": (
        app(
            """
def create_app():
    app = new_app()
    db.init_app(app)
    admin = Admin(app)
    admin.add_view(View(Tag, db.session))
    admin.add_view(View(User, db.session))
    return app
"""
        ),
        [],
        2,
        "Not examined: Tag, User: GET /admin/tag/ raises OperationalError: "
        "(sqlite3.OperationalError) no such table: tag: create the tables first.",
    ),
    "an import of what is not there": (
        "from json import nothing",
        [],
        2,
        "ImportError: cannot import name 'nothing' from 'json' (shop.py:1)",
    ),
    "a login that no option of Flask-Admin opens": (
        views("return redirect('/login')"),
        ["--bypass-access"],
        2,
        "asks for a login: --bypass-access does not reach it, see --as-user",
    ),
    "all pages hang": (
        app(
            """
class Page(BaseView):
    @expose("/")
    def index(self):
        import threading
        threading.Event().wait()

def create_app():
    app = start()
    admin = Admin(app)
    for number in range(5):
        admin.add_view(Page(f"Page {number}", endpoint=f"page{number}"))
    return app
"""
        ),
        ["--timeout", "0.5"],
        2,
        "Page 3, Page 4: not requested, after three pages that gave no answer",
    ),
    "no such script": ("pass", ["--script", "none.py"], 2, "there is no file none.py"),
    "a database that is down": (
        app(
            """
def create_app():
    app = new_app(SQLALCHEMY_ENGINES={
        "default": "postgresql+psycopg://nobody@127.0.0.1:1/none"})
    db.init_app(app)
    Admin(app).add_view(View(Tag, db.session))
    return app
"""
        ),
        [],
        2,
        "The database of the engine 'default' does not answer: OperationalError",
    ),
    "no default engine": (
        app(
            """
db = ProxySQLAlchemy(require_default_engine=False)
def create_app():
    app = new_app(SQLALCHEMY_ENGINES={})
    db.init_app(app)
    Admin(app).add_view(View(Tag, db.session))
    return app
"""
        ),
        [],
        2,
        "raises UnboundExecutionError",
    ),
    "no Flask-Login": (app(FINE), ["--as-user", "1"], 2, "--as-user needs Flask-Login"),
    "an unknown finding": (app(FINE), ["--ignore", "FAL999"], 2, "no finding FAL999"),
    "no time at all": (app(FINE), ["--timeout", "-3"], 2, "invalid seconds value"),
    "a header without a value": (
        app(FINE),
        ["--header", "X-Key"],
        2,
        "--header: write 'NAME: VALUE'",
    ),
    "a folder as a script": (
        "pass",
        ["--script", "/"],
        2,
        "No application: there is no file /.",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_examined_is_said_in_a_sentence(name, examine):
    source, options, code, sentence = BAD[name]
    found = examine(source, *options)
    assert found.code == code, found.said
    assert sentence in found.said


def test_a_page_that_hangs_is_requested_once(examine):
    def once(doctor):
        doctor.Watch.at_once = lambda self, url: 1 / 0

    hangs = views("import threading; threading.Event().wait()")
    found = examine(hangs, "--timeout", "0.5", before=once)
    assert found.code == 2, found.said


def test_a_name_that_is_not_there(examine):
    found = examine("pass", app="shpo")
    assert (found.code, "Could not import 'shpo'" in found.said) == (2, True), (
        found.said
    )


def test_the_application_is_found_as_flask_finds_it(examine, monkeypatch, tmp_path):
    monkeypatch.setenv("FLASK_APP", "shop:create_app('production')")
    assert examine(app(FINE), app=None).code == 0
    monkeypatch.delenv("FLASK_APP")
    (tmp_path / "app.py").write_text("from shop import create_app")
    assert examine(None, app=None).code == 0
    (tmp_path / "app.py").unlink()
    (tmp_path / ".env").write_text("FLASK_APP=shop:create_app('production')\n")
    found = examine(None, app=None)
    if importlib.util.find_spec("dotenv"):
        assert found.code == 0, found.said
    else:
        assert "Flask reads .env only where python-dotenv is installed" in found.said


def test_a_script(examine):
    source = (
        app(FINE)
        + "\nif __name__ == '__main__':\n    app = create_app()\n    app.run()\n"
    )
    for script in "shop.py", "shop":
        found = examine(source, "--script", script, app=None)
        assert found.code == 0, found.said


LOGIN = app(
    """
from flask_login import LoginManager, UserMixin, current_user

class Person(UserMixin):
    def __init__(self, id):
        self.id = id

class Closed(View):
    def is_accessible(self):
        return (
            current_user.is_authenticated
            or request.headers.get("X-Key") == "open"
            or request.cookies.get("key") == "open"
        )

def create_app():
    app = start()
    manager = LoginManager(app)
    manager.user_loader(lambda id: Person(id) if id == "ada" else None)
    Admin(app).add_view(Closed(Tag, db.session))
    return app
"""
)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 2),
        (["--as-user", "ada"], 0),
        (["--as-user", "eve"], 2),
        (["--header", "X-Key: open"], 0),
        (["--cookie", "key=open"], 0),
        (["--bypass-access"], 0),
    ],
)
def test_a_login(options, code, examine):
    found = examine(LOGIN, *options)
    assert found.code == code, found.said
    said = "views are examined as if accessible" in found.said
    assert said == ("--bypass-access" in options)


def test_sqlalchemy_that_is_too_old(examine):
    def old(doctor):
        doctor.installed = lambda: {"SQLAlchemy": "1.3.24"}

    found = examine(app(FINE), before=old)
    assert found.code == 2
    assert "The doctor needs SQLAlchemy 1.4 or newer; this is 1.3.24." in found.said


def test_releases_before_werkzeug_2_and_sqlalchemy_1_4_24(examine):
    """The client gave tuples without a class, and the driver's connection had a name
    of its own.
    """

    def old(doctor):
        import werkzeug.test

        class Client(werkzeug.test.Client):
            def __init__(self, application, response_wrapper=None, **options):
                assert response_wrapper
                super().__init__(application, response_wrapper, **options)

        werkzeug.test.Client = Client

    found = examine(app(FINE), before=old)
    assert found.code == 0, found.said
    raw = object()
    for name in "connection", "dbapi_connection":
        assert load().driver_of(SimpleNamespace(**{name: raw})) is raw
    assert load().driver_of(raw) is raw


def test_a_finding_is_ignored(examine):
    source = (SNIPPETS / "doctor/session_left_open.py").read_text("utf-8")
    assert examine(source, "--ignore", "FAL021").code == 0


def test_an_application_that_is_installed(examine, tmp_path):
    """Its source is below ``site-packages``, and the reader's all the same."""
    packages = tmp_path / "site-packages"
    (packages / "shop").mkdir(parents=True)
    source = (SNIPPETS / "doctor/session_left_open.py").read_text("utf-8")
    (packages / "shop/__init__.py").write_text(source, "utf-8")
    found = examine(
        None, "--json", before=lambda doctor: sys.path.insert(0, str(packages))
    )
    assert found.ids == ["FAL021"], found.said
    cause = source.splitlines().index(
        "        names = session.scalars(select(Tag.name)).all()"
    )
    assert found.findings[0]["cause"] == f"site-packages/shop/__init__.py:{cause + 1}"


@pytest.mark.parametrize(
    ("url", "page", "is_start", "expected"),
    [
        ("/admin/report/send-mail", "mail", False, True),
        ("/admin/report/x", "run", False, True),
        ("/admin/logout/", "index", True, True),
        ("/admin/import_log/", "index", True, False),
        ("/admin/report/sender", "sender", False, False),
    ],
)
def test_a_page_that_does_something_is_not_requested(url, page, is_start, expected):
    assert bool(load().acts(url, page, is_start)) == expected


def test_the_doctor_itself_fails(examine):
    def broken(doctor):
        doctor.Examination.run = lambda self: 1 / 0

    found = examine(app(FINE), before=broken)
    assert found.code == 3
    assert "The doctor itself failed, please report it: ZeroDivisionError" in found.said


def run(*arguments, python=sys.executable, **options):
    command = [python, DOCTOR, *arguments]
    return subprocess.run(command, capture_output=True, text=True, **options)


def test_a_python_that_is_too_old(tmp_path):
    source = DOCTOR.read_text("utf-8")
    # Every version that is about parses it, and then comes to the sentence.
    ast.parse(source, feature_version=(3, 7))
    # To Python 2, the first line that is none says the same.
    assert source.index('NEEDS: str = "The doctor needs Python') < source.index('f"')
    old = source.replace("sys.version_info < (3, 10)", "sys.version_info < (9, 9)")
    (tmp_path / "doctor.py").write_text(old, "utf-8")
    done = subprocess.run(
        [sys.executable, tmp_path / "doctor.py"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith(
        "The doctor needs Python 3.10 or newer; this is Python"
    )


def environment(folder, *left_out):
    """The Python of an environment with all that is installed here, but for some."""
    venv.create(folder, symlinks=True)
    here, there = (
        Path(sysconfig.get_path("purelib", vars={"base": base}))
        for base in (sys.prefix, str(folder))
    )
    for path in here.iterdir():
        if path.name not in left_out and not path.name.endswith(".pth"):
            (there / path.name).symlink_to(path)
    return there, folder / "bin/python"


def fails(done):
    return {each["approach"]: each["fails"] for each in done["installation"]}


def test_a_release_with_one_changed_method(tmp_path):
    """It measures: a release that nobody knows is judged by what it does."""
    import flask_admin

    packages, python = environment(tmp_path / "venv", "flask_admin")
    shutil.copytree(Path(flask_admin.__file__).parent, packages / "flask_admin")
    view = packages / "flask_admin/contrib/sqla/view.py"
    source = view.read_text("utf-8")
    line = "        return session.query(self.model)\n"
    assert line in source
    kept = "self.kept = getattr(self, 'kept', None) or session._get_current_object()"
    held = f"        {kept}\n        return self.kept.query(self.model)\n"
    view.write_text(source.replace(line, held))
    done = run("--only", "installation", "--json", cwd=tmp_path, python=python)
    found = fails(json.loads(done.stdout))
    assert found["ModelView(User, db.session) with db = ProxySQLAlchemy()"], found


def test_lite_alone_with_the_release_that_needs_both(tmp_path):
    _, python = environment(tmp_path / "venv", "flask_sqlalchemy")
    done = run("--only", "installation", cwd=tmp_path, python=python)
    assert done.returncode == 1, done.stderr
    assert "FAL003 The installed packages do not work together" in done.stdout
    assert "cannot import name 'T_SESSION'" in done.stdout
    assert "write: pip install flask-sqlalchemy" in done.stdout


def test_a_python_without_the_packages(tmp_path):
    venv.create(tmp_path / "venv", symlinks=True)
    python = tmp_path / "venv/bin/python"
    for options, said in [
        ([], "No module named 'flask': run this with the Python of your application"),
        (["--only", "installation"], "are not installed in this Python: run this"),
    ]:
        done = run(*options, cwd=tmp_path, python=python)
        assert (done.returncode, done.stderr) == (2, "")
        assert said in done.stdout
        assert "FAL" not in done.stdout
