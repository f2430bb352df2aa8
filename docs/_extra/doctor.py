"""Examine an admin made with Flask-Admin and SQLAlchemy, where it is installed.

    python doctor.py --app shop:create_app

It tries the approaches with the packages that are installed, then examines the
application: which session each request uses, and which connections it keeps. Nothing
is written to the database. ``python doctor.py --help`` lists the options. It needs no
package but those that the application has.
"""

import sys

# Python 2 stops at this line, and prints it.
NEEDS: str = "The doctor needs Python 3.10 or newer"
if sys.version_info < (3, 10):
    sys.stderr.write(
        NEEDS + "; this is Python %d.%d. Run it with the Python of your "
        "application.\n" % sys.version_info[:2]
    )
    sys.exit(2)

import argparse
import ast
import difflib
import dis
import functools
import gc
import html.parser
import inspect
import json
import os
import queue
import re
import runpy
import signal
import subprocess
import sysconfig
import tempfile
import textwrap
import threading
import traceback
import types
import weakref
from collections import deque
from contextlib import (
    ExitStack,
    contextmanager,
    redirect_stderr,
    redirect_stdout,
    suppress,
)
from http.cookies import SimpleCookie
from importlib import metadata
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from urllib.parse import urlencode, urlsplit

GUIDE = "https://guide.example/"
HEALTHY, FOUND, NOT_EXAMINED, CRASHED = range(4)
PACKAGES = ["Flask-Admin", "Flask-SQLAlchemy-Lite", "Flask-SQLAlchemy", "SQLAlchemy"]
PACKAGES += ["WTForms", "Flask", "Werkzeug"]

# ------------------------------------------------------------------------------------
# What can be found
# ------------------------------------------------------------------------------------

FINDINGS = {
    "FAL001": (
        "The session is looked up before there is a request",
        "Flask-SQLAlchemy-Lite's `db.session` exists only inside an application "
        "context, and the view is created outside of one.",
    ),
    "FAL002": (
        "Flask-Admin rejects the session",
        "Flask-Admin 2.1 and later reject what is neither `db` nor a scoped session.",
    ),
    "FAL003": (
        "The installed packages do not work together",
        "With these releases the application or every approach fails.",
    ),
    "FAL010": (
        "A view holds a session",
        "All requests then share one session, its connection and what it once read.",
    ),
    "FAL011": (
        "An Ajax loader holds a session",
        "Every lookup uses the session that the loader got when it was created.",
    ),
    "FAL012": (
        "A form holds a session",
        "A field or validator uses the session that it got when the form was created.",
    ),
    "FAL013": (
        "A filter holds a session",
        "The filter uses the session that it got when it was created.",
    ),
    "FAL014": (
        "An attribute or a function of a view holds a session",
        "A session that is kept outside of the request is shared by all requests.",
    ),
    "FAL020": (
        "An application context was pushed and not popped",
        "Requests that run in that thread share its session, which is never closed.",
    ),
    "FAL021": (
        "A request keeps a connection",
        "A session or connection is opened and nobody closes it; the pool runs empty.",
    ),
    "FAL022": (
        "A request uses the open session of an earlier request",
        "The session was not closed between them: rows changed elsewhere stay unseen.",
    ),
    "FAL023": (
        "Requests that run at the same time share a session",
        "One request can commit, roll back or close what the other one is doing.",
    ),
    "FAL024": (
        "`self.session` is used as a session and is none",
        "The view was given an object that lacks what is called on it.",
    ),
}
HELD = {"FAL010", "FAL011", "FAL012", "FAL013", "FAL014"}
BELOW_MAIN = (
    "If your file adds it below `if __name__ == '__main__'`, pass it as --script, not "
    "as --app."
)
OPTIONS = "see --as-user, --cookie, --header and --bypass-access"
STILL = "--bypass-access does not reach it, see --as-user, --cookie and --header"

# ------------------------------------------------------------------------------------
# What to write
# ------------------------------------------------------------------------------------

PROXY_IMPORTS = """\
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import has_app_context
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import Session
from werkzeug.local import LocalProxy
"""
PROXY = '''\
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
'''
SCOPED = """\
from weakref import WeakKeyDictionary

from flask import g
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import scoped_session

db = SQLAlchemy()
session = scoped_session(lambda: db.session, scopefunc=g._get_current_object)
session.registry.registry = WeakKeyDictionary()
"""
PLAIN = """\
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

engine = create_engine(app.config["SQLALCHEMY_DATABASE_URI"])
session = scoped_session(sessionmaker(engine))
app.teardown_appcontext(lambda error: session.remove())
"""
LITE = "from flask_sqlalchemy_lite import SQLAlchemy\n\ndb = SQLAlchemy()\n"
FULL = "from flask_sqlalchemy import SQLAlchemy\n\ndb = SQLAlchemy()\n"
IN_CONTEXT = " inside an application context"


class Approach:
    """Code to try as it is printed: what makes the session, and what a view gets.

    :param name: how the report calls it.
    :param package: the module that has to be installed for it.
    :param code: makes ``db`` or ``session``; ``app`` is there.
    :param given: the second argument of ``ModelView``.
    :param page: where the guide explains it.
    """

    def __init__(self, name, package, code, given, page, in_context=False):
        self.name, self.package, self.code = name, package, code
        self.given, self.page, self.in_context = given, page, in_context

    @property
    def line(self):
        return f"admin.add_view(ModelView(User, {self.given}))"

    def lines(self, whole):
        """What to write; classes only if the whole of it is wanted."""
        code, page = self.code.strip(), f"# {GUIDE}{self.page}.html"
        if "class " in code and not whole:
            code = f"# the class: {page[2:]}\n{code.splitlines()[-1]}"
            page = ""
        line = (
            f"with app.app_context():\n    {self.line}"
            if self.in_context
            else self.line
        )
        text = f"from flask_admin.contrib.sqla import ModelView\n{code}\n{line}\n{page}"
        return [each for each in text.splitlines() if each or whole]


# In the order in which they are advised: the first one that works is the answer.
APPROACHES = [
    Approach(
        "ModelView(User, db.session) with db = ProxySQLAlchemy()",
        "flask_sqlalchemy_lite",
        f"{PROXY_IMPORTS}\n\n{PROXY}",
        "db.session",
        "workarounds/proxy-sqlalchemy",
    ),
    Approach(
        "ModelView(User, session) with a scoped session over Lite's db.session",
        "flask_sqlalchemy_lite",
        SCOPED,
        "session",
        "workarounds/scoped-session",
    ),
    Approach(
        "ModelView(User, db) of Lite" + IN_CONTEXT,
        "flask_sqlalchemy_lite",
        LITE,
        "db",
        "workarounds/app-context",
        True,
    ),
    Approach(
        "ModelView(User, db) of Lite",
        *["flask_sqlalchemy_lite", LITE, "db"],
        "problem",
    ),
    Approach(
        "ModelView(User, db.session) of Lite",
        *["flask_sqlalchemy_lite", LITE, "db.session"],
        "problem",
    ),
    Approach(
        "ModelView(User, db.session) of Lite" + IN_CONTEXT,
        *["flask_sqlalchemy_lite", LITE, "db.session"],
        "problem",
        True,
    ),
    Approach(
        "ModelView(User, db.session) of Flask-SQLAlchemy",
        *["flask_sqlalchemy", FULL, "db.session"],
        "workarounds/flask-sqlalchemy",
    ),
    Approach(
        "ModelView(User, db) of Flask-SQLAlchemy",
        *["flask_sqlalchemy", FULL, "db"],
        "workarounds/flask-sqlalchemy",
    ),
    Approach(
        "ModelView(User, session) with SQLAlchemy's scoped session",
        *["sqlalchemy", PLAIN, "session"],
        "workarounds/scoped-session",
    ),
]
# What cures a message of packages that do not work together.
CURES = {
    r"T_SESSION": "pip install flask-sqlalchemy",
    r"'tuple' object has no attribute 'items'|unpack \(expected 4, got 3\)": (
        'pip install "wtforms<3.1"'
    ),
    r"KeyError: 'babel'": "Flask-Babel is installed, so call Babel(app).",
    r"no such table|relation .* does not exist|Table .* doesn't exist": (
        "create the tables first."
    ),
    r"flask\.sansio": 'pip install "flask>=3"',
    r"pkg_resources": 'pip install "setuptools<81"',
}


def cure(message):
    return next((each for said, each in CURES.items() if re.search(said, message)), "")


# ------------------------------------------------------------------------------------
# The reader's own lines
# ------------------------------------------------------------------------------------

ELSEWHERE = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")}
LIBRARIES = ["flask", "flask_admin", "flask_sqlalchemy", "flask_sqlalchemy_lite"]
LIBRARIES += ["sqlalchemy", "werkzeug", "wtforms"]


# The folder of an application that is itself installed as a package.
INSTALLED = []


@functools.lru_cache(None)
def is_own(file):
    """Whether a file is source of the application: not Python's, not a package's."""
    path = os.path.realpath(file)
    if any(path.startswith(each) for each in INSTALLED):
        return True
    found = [getattr(sys.modules.get(name), "__file__", None) for name in LIBRARIES]
    if any(path.startswith(os.path.dirname(each) + os.sep) for each in found if each):
        return False
    return (
        path != os.path.realpath(__file__)
        and os.path.exists(path)
        and not re.search(r"[/\\](site|dist)-packages[/\\]", path)
        and not any(path.startswith(each + os.sep) for each in ELSEWHERE)
    )


# Their sessions are made on first use: that line is not the one that keeps them.
MAKERS = [os.path.join("flask_sqlalchemy_lite", ""), os.path.join("orm", "scoping.py")]


def line_of_caller(places=None):
    """``(file, line)`` of the innermost call from the application, else None.

    :param places: where scoped sessions were created: what they create has that place.
    """
    frame = sys._getframe(1)
    while frame:
        code = frame.f_code
        if places is not None and any(part in code.co_filename for part in MAKERS):
            with suppress(TypeError):
                return places.get(frame.f_locals.get("self"))
            return None
        if code.co_name != "__init__" and is_own(code.co_filename):
            return os.path.realpath(code.co_filename), frame.f_lineno
        frame = frame.f_back
    return None


def line_of_error(error):
    """``(file, line)`` of the last line of the application in a traceback."""
    frames = [
        f for f in traceback.extract_tb(error.__traceback__) if is_own(f.filename)
    ]
    return (
        (os.path.realpath(frames[-1].filename), frames[-1].lineno) if frames else None
    )


def shown(place):
    """``shop/admin.py:12``, if it is below the folder where the doctor was started."""
    if not place:
        return ""
    here = os.path.join(os.path.realpath(""), "")
    return f"{place[0].replace(here, '', 1)}:{place[1]}"


def meant_by(error):
    """The exception that Flask-Admin answered with one about its argument ``cls``."""
    while "unexpected keyword argument 'cls'" in str(error) and error.__context__:
        error = error.__context__
    return error


def said_by(error):
    """``Type: message`` of an exception, its first line or about 200 characters."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    first = " ".join(lines[:2]) if lines[0].endswith(":") else lines[0]
    first = without_path(first if len(first) < 240 else first[:200] + "…")
    return f"{type(error).__name__}: {first}".rstrip(": ")


def without_path(message):
    """An ``ImportError`` without the file that it names."""
    return re.sub(r" \([^()]*[/\\][^()]*\)$", "", message)


# ------------------------------------------------------------------------------------
# Requests: which session, which connections
# ------------------------------------------------------------------------------------


class Visit:
    """What one request did.

    :ivar used: the sessions that it used, as numbers in the order of their first use.
    :ivar stale: those that an earlier request had left open.
    :ivar kept: ``(session or None, place)`` for each connection that did not come back.
    """

    def __init__(self, method, url):
        self.method, self.url = method, url
        self.status, self.location, self.text = None, "", ""
        self.error, self.wrote, self.hung = None, False, False
        self.used, self.stale, self.kept = {}, [], []
        self.turn, self.met = None, False

    def __str__(self):
        return f"{self.method} {urlsplit(self.url).path}"


class Turn:
    """Where two requests meet, both with a session, to go on one after the other."""

    def __init__(self, limit):
        self.barrier, self.lock = threading.Barrier(2), threading.Lock()
        self.limit = limit

    def meet(self):
        with suppress(threading.BrokenBarrierError):
            self.barrier.wait(self.limit)
        self.lock.acquire()

    def leave(self, met):
        self.lock.release() if met else self.barrier.abort()


class Hand:
    """One thread that sends requests as a server's would, each within a time limit."""

    def __init__(self):
        self.start()

    def start(self):
        self.work, self.done = queue.Queue(), queue.Queue()
        threading.Thread(
            target=self.run, args=[self.work, self.done], daemon=True
        ).start()

    @staticmethod
    def run(work, done):
        while True:
            done.put(work.get()())

    def give(self, function):
        self.work.put(function)

    def take(self, limit):
        """The result, or None after the limit: a new thread takes over."""
        try:
            return self.done.get(timeout=limit)
        except queue.Empty:
            self.start()
            return None


class Watch:
    """Send requests to an application and note what each of them did.

    :param app: a Flask application.
    :param limit: the seconds that a request may take.
    """

    def __init__(self, app, limit=30, headers=(), cookies=()):
        from sqlalchemy import event
        from sqlalchemy.engine import Engine
        from sqlalchemy.orm import Session
        from sqlalchemy.pool import Pool

        self.app, self.limit = app, limit
        self.headers, self.cookies = list(headers), dict(cookies)
        self.local, self.numbers = threading.local(), count(1)
        self.known, self.dirty = weakref.WeakKeyDictionary(), weakref.WeakSet()
        self.out, self.lock = {}, threading.RLock()
        self.hands, self.at_end = [Hand(), Hand()], lambda: None
        self.database = False
        self.bare, self.listening = False, []
        for target, name, function in [
            (Session, "do_orm_execute", lambda state: self.use(state.session)),
            (Session, "after_begin", self.begin),
            (Pool, "checkout", self.checkout),
            (Pool, "checkin", lambda raw, record: self.checkin(raw)),
            (Engine, "handle_error", self.refused),
        ]:
            event.listen(target, name, function)
            self.listening.append((target, name, function))
        for name in "handle_exception", "handle_user_exception":
            # The second sees what an error handler of the application hides.
            setattr(app, name, functools.partial(self.raised, getattr(app, name)))

    def close(self):
        from sqlalchemy import event

        for each in self.listening:
            event.remove(*each)

    @property
    def visit(self):
        return getattr(self.local, "visit", None)

    def raised(self, handle, error):
        from werkzeug.exceptions import HTTPException

        if self.visit and not isinstance(error, HTTPException):
            self.visit.error = meant_by(error)
            self.visit.wrote = self.visit.wrote or is_refusal(self.visit.error)
        return handle(error)

    def refused(self, context):
        if self.visit and is_refusal(context.original_exception):
            self.visit.wrote = True

    def use(self, session):
        visit = self.visit
        if visit is None:
            return
        with self.lock:
            if session not in self.known:
                self.known[session] = next(self.numbers)
            if self.known[session] not in visit.used:
                visit.used[self.known[session]] = weakref.ref(session)
                if session in self.dirty:
                    visit.stale.append(self.known[session])
        if visit.turn and not visit.met:
            visit.met = True
            visit.turn.meet()

    def begin(self, session, transaction, connection):
        self.use(session)
        raw = id(driver_of(connection.connection))
        for token in self.out.get(raw, []):
            token["session"] = weakref.ref(session)

    def checkout(self, raw, record, proxy):
        self.database = self.database or self.visit is not None
        token = {"visit": self.visit, "session": None, "place": line_of_caller()}
        with self.lock:
            self.out.setdefault(id(raw), []).append(token)

    def checkin(self, raw):
        with self.lock:
            if self.out.get(id(raw)):
                self.out[id(raw)].pop()

    def send(self, url, method="GET", data=None, turn=None):
        """Send one request in this thread; return its Visit."""
        from werkzeug.test import Client
        from werkzeug.wrappers import Response

        visit = self.local.visit = Visit(method, url)
        visit.turn, parts = turn, urlsplit(url)
        application = self.app.wsgi_app
        if self.bare:
            application = functools.partial(type(self.app).wsgi_app, self.app)
        headers = [*self.headers]
        if self.cookies:
            pairs = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            headers.append(("Cookie", pairs))
        try:
            response = Client(application, Response, use_cookies=False).open(
                parts.path,
                method=method,
                base_url=f"{parts.scheme}://{parts.netloc}{root(self.app)}",
                query_string=parts.query,
                headers=headers,
                data=data,
                buffered=True,
                environ_base={"REMOTE_ADDR": "127.0.0.1", "HTTP_USER_AGENT": "doctor"},
            )
            visit.status, visit.location = response.status_code, response.location or ""
            visit.text = response.get_data().decode("utf-8", "replace")
            for line in response.headers.getlist("Set-Cookie"):
                for name, morsel in SimpleCookie(line).items():
                    self.cookies[name] = morsel.coded_value
        except BaseException as error:
            visit.error, visit.status = error, 500
        self.finish(visit)
        if turn:
            turn.leave(visit.met)
        return visit

    def finish(self, visit):
        self.local.visit = None
        self.at_end()
        with self.lock:
            for session in filter(None, (each() for each in visit.used.values())):
                if visit.wrote:
                    # Its transaction failed because of the doctor.
                    with suppress(Exception):
                        session.rollback()
                is_open = session.in_transaction()
                (self.dirty.add if is_open else self.dirty.discard)(session)
            for tokens in self.out.values():
                for token in tokens:
                    if token["visit"] is visit:
                        session = token["session"] and token["session"]()
                        number = self.known.get(session) if session else None
                        visit.kept.append((number, token["place"]))

    def get(self, url, **options):
        """Send a request in another thread, as a server does; follow it to HTTPS."""
        for _ in range(4):
            visit = self.within(0, functools.partial(self.send, url, **options), url)
            target = urlsplit(visit.location)
            same = target.path.rstrip("/") == urlsplit(url).path.rstrip("/")
            if visit.status == 404 and not self.bare:
                # A prefix that a middleware adds: ask the application itself.
                self.bare = True
                bare = self.within(0, functools.partial(self.send, url, **options), url)
                if bare.status != 404:
                    visit = bare
                    continue
                self.bare = False
            elif visit.status in (301, 302, 307, 308) and same:
                old = urlsplit(url)
                url = old._replace(
                    scheme=target.scheme or old.scheme,
                    netloc=target.netloc or old.netloc,
                    path=target.path,
                ).geturl()
                continue
            break
        visit.url = url
        return visit

    def within(self, hand, function, url):
        self.hands[hand].give(function)
        visit = self.hands[hand].take(self.limit)
        if visit is None:
            visit = Visit("GET", url)
            visit.hung = True
        return visit

    def at_once(self, url):
        """Send two requests that hold their sessions at the same time."""
        turn = Turn(min(self.limit, 5))
        for hand in self.hands:
            hand.give(functools.partial(self.send, url, turn=turn))
        return list(filter(None, [hand.take(self.limit) for hand in self.hands]))


# ------------------------------------------------------------------------------------
# Nothing is written
# ------------------------------------------------------------------------------------


def is_refusal(error):
    """Whether a database said that it is read-only."""
    return re.search(r"read.?only", str(error), re.IGNORECASE) is not None


SESSION = {"postgresql": "CHARACTERISTICS AS TRANSACTION", "mysql": "TRANSACTION"}
SAVEPOINT = "doctor_outer"
# A file is copied for each page that writes; a large one is copied once, if at all.
LARGE, LARGEST = 20_000_000, 500_000_000
BEGINS = re.compile(r"\s*(BEGIN|START\s+TRANSACTION)\b", re.IGNORECASE)
COMMITS = re.compile(r"\s*(COMMIT|END)\b", re.IGNORECASE)
# MySQL and MariaDB commit before each of these.
COMMITS_ITSELF = re.compile(
    r"\s*(CREATE|ALTER|DROP|TRUNCATE|RENAME|GRANT|REVOKE|LOCK|LOAD|SET\s+PASSWORD)\b",
    re.IGNORECASE,
)


def family(raw):
    """Which database a connection of a driver belongs to."""
    names = " ".join(kind.__module__ for kind in type(raw).__mro__).lower()
    for name, words in [
        ("sqlite", ["sqlite"]),
        ("postgresql", ["psycopg", "pg8000", "asyncpg", "postgres"]),
        ("mysql", ["mysql", "mariadb"]),
    ]:
        if any(word in names for word in words):
            return name
    return "other"


def driver_of(connection):
    """The driver's connection; until SQLAlchemy 1.4.23 it has another name."""
    found = getattr(connection, "dbapi_connection", None)
    return found or getattr(connection, "connection", connection)


def rows(raw, statement):
    cursor = raw.cursor()
    try:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []
    finally:
        cursor.close()


def set_access(raw, kind, access):
    """Let the transactions of a connection be READ ONLY or READ WRITE."""
    if kind == "postgresql":
        # SET SESSION would stay behind on the server's side of a connection pooler.
        raw.rollback()
        if hasattr(raw, "set_session"):
            return raw.set_session(readonly=access == "ONLY", autocommit=False)
        if hasattr(raw, "read_only"):
            raw.autocommit, raw.read_only = False, access == "ONLY"
            return None
    rows(raw, f"SET SESSION {SESSION[kind]} READ {access}")
    return raw.commit()


class Guard:
    """Let the database reject what would be written, or else roll it back.

    Every connection of every engine is read-only. A page that writes is asked again
    inside ``with guard.rolled_back():``. There SQLite gets a copy of its file, others
    one outer transaction, in which the commits of the application are savepoints.
    """

    def __init__(self, folder):
        from sqlalchemy import event
        from sqlalchemy.engine import Engine, default
        from sqlalchemy.pool import Pool

        self.folder, self.copies, self.modes, self.outer = folder, {}, {}, {}
        self.writing, self.how, self.alive, self.copy = False, {}, [], "copy"
        self.generation = count()
        self.engines, self.covered, self.used = weakref.WeakSet(), set(), {}
        event.listen(Pool, "checkout", self.checkout)
        event.listen(Engine, "do_connect", self.connect)
        event.listen(Engine, "before_cursor_execute", self.execute, retval=True)
        kinds = [default.DefaultDialect]
        for kind in kinds:
            kinds += kind.__subclasses__()
            for name in "do_commit", "do_rollback", "set_isolation_level":
                if name in vars(kind):
                    setattr(kind, name, self.replaced(name, vars(kind)[name]))

    def replaced(self, name, original):
        @functools.wraps(original)
        def instead(dialect, connection, *arguments):
            raw = driver_of(connection)
            if name == "set_isolation_level":
                # Autocommit would end the outer transaction, or go without one.
                guarded = id(raw) in self.outer or id(raw) in self.modes
                if guarded and family(raw) in SESSION:
                    return None
            elif id(raw) in self.outer:
                return self.end(raw, name)
            if name == "do_commit" and not self.is_ours(raw):
                return raw.rollback()
            return original(dialect, connection, *arguments)

        return instead

    def end(self, raw, name):
        try:
            if name == "do_commit":
                rows(raw, f"RELEASE SAVEPOINT {SAVEPOINT}")
            else:
                rows(raw, f"ROLLBACK TO SAVEPOINT {SAVEPOINT}")
                rows(raw, f"RELEASE SAVEPOINT {SAVEPOINT}")
        except Exception:
            raw.rollback()
        rows(raw, f"SAVEPOINT {SAVEPOINT}")

    def is_ours(self, raw):
        """Whether a connection reaches only memory and the doctor's own files."""
        if family(raw) != "sqlite" or not hasattr(raw, "backup"):
            return False
        files = [row[2] for row in raw.execute("PRAGMA database_list") if row[2]]
        return all(os.path.dirname(file) == self.folder for file in files)

    def checkout(self, raw, record, proxy):
        from sqlalchemy.exc import DisconnectionError

        mode, kind = self.modes.get(id(raw)), family(raw)
        if kind == "sqlite":
            wanted = self.copy if self.writing and self.may_copy(raw) else "read-only"
            if mode not in (None, "memory", wanted):
                self.modes.pop(id(raw))
                raise DisconnectionError("The doctor opens another file.")
        if self.writing and kind in ("postgresql", "mysql"):
            self.open_outer(raw, kind)
        elif mode is None:
            self.protect(raw)

    def protect(self, raw, inside=False):
        """Make a connection read-only.

        :param inside: its transaction has begun already.
        """
        kind, mode, how = family(raw), "read-only", None
        if kind == "sqlite":
            if self.is_ours(raw):
                in_memory = not any(row[2] for row in rows(raw, "PRAGMA database_list"))
                mode = "memory" if in_memory else self.copy
            else:
                rows(raw, "PRAGMA query_only = ON")
                how = "PRAGMA query_only"
        elif kind in SESSION:
            how = "read-only transactions"
            if inside:
                if kind == "postgresql":
                    rows(raw, "SET TRANSACTION READ ONLY")
                return
            set_access(raw, kind, "ONLY")
        else:
            how = "every commit is a rollback"
        if how:
            self.how[how] = True
        # The connection is kept: an id() must not be used twice.
        self.modes[id(raw)] = mode
        self.alive.append(raw)

    def execute(self, connection, cursor, statement, parameters, context, many):
        raw = driver_of(connection.connection)
        if family(raw) in SESSION:
            self.engines.add(connection.engine)
        self.used.setdefault(connection.engine.url, connection.engine)
        if id(raw) in self.outer:
            if COMMITS.match(statement):
                self.end(raw, "do_commit")
                statement = "SELECT 1"
            elif BEGINS.match(statement):
                statement = "SELECT 1"
            elif family(raw) == "mysql" and COMMITS_ITSELF.match(statement):
                raise RuntimeError("The doctor cannot roll this back: " + statement)
        elif id(raw) not in self.modes:
            self.protect(raw, inside=True)
        return statement, parameters

    def cover(self, kind):
        """Have a driver's own ``commit()`` stay inside of the outer transaction.

        :raises TypeError: for a class that cannot be changed.
        """
        original = kind.commit

        def commit(raw):
            ours = id(raw) in self.outer
            return self.end(raw, "do_commit") if ours else original(raw)

        if kind not in self.covered:
            kind.commit = commit
            self.covered.add(kind)

    def open_outer(self, raw, kind):
        if id(raw) in self.outer:
            return
        raw.rollback()
        try:
            self.cover(type(raw))
        except TypeError:
            return self.protect(raw)
        if kind == "mysql" and rows(
            raw,
            "SELECT table_name FROM information_schema.tables WHERE table_schema = "
            "DATABASE() AND table_type = 'BASE TABLE' AND engine <> 'InnoDB'",
        ):
            # A table that knows no transactions: what is written stays.
            return self.protect(raw)
        if callable(raw.autocommit):
            raw.autocommit(False)
        else:
            raw.autocommit = False
        set_access(raw, kind, "WRITE")
        if kind == "mysql":
            rows(raw, "START TRANSACTION")
        rows(raw, f"SAVEPOINT {SAVEPOINT}")
        self.modes.pop(id(raw), None)
        self.outer[id(raw)] = raw, threading.get_ident()

    def forget(self):
        """Roll back the outer transactions of this thread; be read-only again."""
        for raw, thread in list(self.outer.values()):
            if thread != threading.get_ident():
                continue
            del self.outer[id(raw)]
            with suppress(Exception):
                raw.rollback()
                self.protect(raw)

    def may_copy(self, raw):
        return hasattr(raw, "backup") and all(
            not os.path.exists(row[2]) or os.path.getsize(row[2]) < LARGEST
            for row in raw.execute("PRAGMA database_list")
            if row[2]
        )

    def connect(self, dialect, record, arguments, options):
        if self.writing and dialect.driver == "psycopg2":
            from psycopg2.extensions import connection

            options.setdefault("connection_factory", type("Own", (connection,), {}))
        if not self.writing or dialect.name != "sqlite" or dialect.is_async:
            return None
        raw = dialect.connect(*arguments, **options)
        if self.is_ours(raw) or not self.may_copy(raw):
            return raw
        [file] = [row[2] for row in raw.execute("PRAGMA database_list")][:1]
        if file not in self.copies:
            import sqlite3

            self.copies[file] = os.path.join(
                self.folder, f"{self.copy}-{len(self.copies)}.db"
            )
            copy = sqlite3.connect(self.copies[file])
            raw.backup(copy)
            copy.close()
        raw.close()
        options = dict(options, uri=False)
        return dialect.connect(self.copies[file], *arguments[1:], **options)

    @contextmanager
    def rolled_back(self):
        """Inside, the application may write; afterwards nothing was written."""
        # With one connection in the pool a request finds again what it has committed.
        for engine in list(self.engines):
            engine.dispose()
        for file in [f for f in self.copies if os.path.getsize(f) < LARGE]:
            with suppress(OSError):
                os.unlink(self.copies.pop(file))
        self.copy = f"copy-{next(self.generation)}"
        self.writing = True
        try:
            yield
        finally:
            self.writing = False


# ------------------------------------------------------------------------------------
# The installation: the approaches, tried
# ------------------------------------------------------------------------------------


class Failure(Exception):
    """What an approach does wrong, in one sentence."""


def require(condition, message):
    if not condition:
        raise Failure(message)


class Trial:
    """A small admin, made by an approach, in a database of its own."""

    def __init__(self, approach, folder, number):
        import sqlalchemy as sa
        from flask import Flask
        from jinja2 import FileSystemBytecodeCache
        from sqlalchemy import orm

        base = orm.declarative_base()

        class User(base):
            __tablename__ = "user"
            id = sa.Column(sa.Integer, primary_key=True)
            name = sa.Column(sa.String(40), unique=True)

        class Post(base):
            __tablename__ = "post"
            id = sa.Column(sa.Integer, primary_key=True)
            title = sa.Column(sa.String(40))
            user_id = sa.Column(sa.ForeignKey("user.id"))
            user = orm.relationship(User, backref="posts")

        User.__str__ = lambda self: self.name
        url = f"sqlite:///{folder}/trial-{number}.db"
        self.elsewhere = sa.create_engine(url, poolclass=sa.pool.NullPool)
        base.metadata.create_all(self.elsewhere)
        with orm.Session(self.elsewhere) as session:
            session.add_all([User(name="Ada"), User(name="Grace"), Post(title="Notes")])
            session.commit()
        self.app = app = Flask("trial")
        app.jinja_env.bytecode_cache = FileSystemBytecodeCache(folder)
        app.config["SECRET_KEY"] = "trial"
        app.config["SQLALCHEMY_DATABASE_URI"] = url
        app.config["SQLALCHEMY_ENGINES"] = {"default": url}
        with suppress(ImportError):
            # Where it is installed, Flask-Admin wants it.
            from flask_babel import Babel

            Babel(app)
        self.names = {"app": app, "User": User, "Post": Post}
        exec(approach.code, self.names)
        if "db" in self.names:
            self.names["db"].init_app(app)

    def create(self, approach):
        from flask_admin import Admin
        from flask_admin.contrib.sqla import ModelView

        names = dict(self.names, admin=Admin(self.app), ModelView=ModelView)
        line = f"{approach.line}; {approach.line.replace('User', 'Post')}"
        with self.app.app_context() if approach.in_context else suppress():
            exec(line, names)
        self.watch = Watch(self.app)

    def ask(self, path, data=None, status=200):
        method = "GET" if data is None else "POST"
        visit = self.watch.get(f"http://localhost{path}", method=method, data=data)
        if visit.error:
            raise Failure(said_by(visit.error))
        require(visit.status == status, f"{visit} answers {visit.status}")
        require(not visit.kept, f"{visit} keeps a connection")
        return visit

    def names_in(self, table="user", column="name"):
        with self.elsewhere.connect() as connection:
            statement = f"SELECT {column} FROM {table}"  # noqa: S608
            return {row[0] for row in connection.exec_driver_sql(statement)}


def list_rows(trial):
    require("Ada" in trial.ask("/admin/user/").text, "the list misses rows")


def create_row(trial):
    trial.ask("/admin/user/new/")
    trial.ask("/admin/user/new/", {"name": "Alan"}, 302)
    require("Alan" in trial.names_in(), "no row was created")


def reject_duplicate(trial):
    text = trial.ask("/admin/user/new/", {"name": "Ada"}).text
    require("Already exists." in text, "a duplicate is not rejected")


def edit_relation(trial):
    trial.ask("/admin/post/edit/?id=1")
    data = {"title": "New", "user": "2"}
    trial.ask("/admin/post/edit/?id=1", data, 302)
    require(trial.names_in("post", "user_id") == {2}, "the relation is not saved")


def two_requests(trial):
    first = trial.ask("/admin/post/")
    with trial.elsewhere.begin() as connection:
        connection.exec_driver_sql("UPDATE post SET title = 'Elsewhere'")
    second = trial.ask("/admin/post/")
    require(not set(first.used) & set(second.used), "two requests share a session")
    require("Elsewhere" in second.text, "the next request shows an old value")


def two_threads(trial):
    visits = trial.watch.at_once("http://localhost/admin/user/")
    for visit in visits:
        require(visit.error is None, visit.error and said_by(visit.error))
        require(not visit.kept, f"{visit} keeps a connection")
    shared = set.intersection(*[set(visit.used) for visit in visits])
    require(not shared, "two requests at the same time share a session")


CHECKS = [list_rows, create_row, reject_duplicate, edit_relation, two_requests]
CHECKS += [two_threads]


def try_approach(approach, folder, number):
    """What fails first, or an empty text."""
    step, trial = "create the views", None
    try:
        trial = Trial(approach, folder, number)
        trial.create(approach)
        for check in CHECKS:
            step = check.__name__.replace("_", " ")
            check(trial)
    except Failure as error:
        return f"{step}: {error}"
    except Exception as error:
        return f"{step}: {said_by(error)}"
    finally:
        if trial and hasattr(trial, "watch"):
            trial.watch.close()
    return ""


def try_server(folder):
    """Two requests that end at the same time, in a process that gevent has patched."""
    from gevent import monkey

    monkey.patch_all()
    import gevent
    from gevent.event import Event

    trial = Trial(APPROACHES[0], folder, "gevent")
    trial.create(APPROACHES[0])
    ends = {"first": Event(), "second": Event()}

    from flask import g, request

    @trial.app.before_request
    def note():
        g.name = request.args.get("name")

    # Registered last, it runs first: Lite's own teardown comes next.
    @trial.app.teardown_appcontext
    def meet(error):
        ends[g.name].set()
        for end in ends.values():
            end.wait(5)
        gevent.sleep(0)

    url = "http://localhost/admin/user/?name="
    jobs = [gevent.spawn(trial.watch.send, url + name) for name in ends]
    gevent.joinall(jobs, timeout=20)
    for visit in [job.value for job in jobs]:
        if visit.error:
            return said_by(visit.error)
        if visit.status != 200 or visit.kept:
            return f"{visit} answers {visit.status}, {len(visit.kept)} connections kept"
    return ""


def work(task, folder):
    """The part of a process that the doctor starts: print what it found as JSON."""
    found = {}
    with open(os.devnull, "w") as nothing, redirect_stdout(nothing):
        if task == "gevent":
            found["gevent"] = try_server(folder)
        else:
            for number, approach in enumerate(APPROACHES):
                if approach.package == task:
                    name = f"{task}-{number}"
                    found[str(number)] = try_approach(approach, folder, name)
    print("\n" + json.dumps(found))


def installed():
    found = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def start_trials(folder):
    """Start a process for each package whose approaches can be tried."""
    tasks = [*dict.fromkeys(approach.package for approach in APPROACHES), "gevent"]
    needs = {"gevent": ["gevent", "flask_sqlalchemy_lite"]}
    for task in tasks:
        wanted = ["flask_admin", "sqlalchemy", *needs.get(task, [task])]
        if all(map(find_spec, wanted)):
            command = [sys.executable, "-W", "ignore", __file__, "--work", task, folder]
            pipes = dict.fromkeys(["stdout", "stderr"], subprocess.PIPE)
            yield task, subprocess.Popen(command, text=True, **pipes)


def finish_trials(processes):
    """``{number of an approach, or gevent: what fails}``."""
    found = {}
    for task, process in processes:
        try:
            said, complained = process.communicate(timeout=180)
            found.update(json.loads(said.strip().splitlines()[-1]))
        except subprocess.TimeoutExpired:
            process.kill()
            found[task] = "it does not end"
        except (IndexError, ValueError):
            lines = complained.strip().splitlines() or ["it says nothing"]
            found[task] = without_path(lines[-1])
    return found


# ------------------------------------------------------------------------------------
# The application: found as `flask --app` finds it
# ------------------------------------------------------------------------------------


class NotExamined(Exception):
    """Why there is nothing to examine, in one sentence, and the finding if any."""

    def __init__(self, sentence, finding=None):
        super().__init__(sentence)
        self.finding = finding


def find_module(name):
    with suppress(ImportError, ValueError):
        return find_spec(name)
    return None


class Loaded:
    """An application, and what was noted while it was made.

    :ivar app: None if it cannot be loaded, and none was made until then.
    :ivar is_made: whether it was loaded.
    :ivar places: where applications, views, loaders and sessions were created.
    :ivar pushed: where contexts were pushed that were not popped.
    """

    def __init__(self):
        self.app, self.is_made = None, False
        self.places, self.pushed = weakref.WeakKeyDictionary(), []

    def made(self, kind):
        """``{object: place}`` of a kind, in the order in which they were made."""
        found = list(self.places.items())
        return {each: at for each, at in found if isinstance_of(type(each), kind)}

    def note(self, kind):
        original = kind.__init__

        @functools.wraps(original)
        def noted(this, *arguments, **options):
            with suppress(TypeError):
                self.places.setdefault(this, line_of_caller(self.places))
            original(this, *arguments, **options)

        kind.__init__ = noted

    def run_script(self, script):
        """Run a file, or a module as ``python -m`` does; ``app.run()`` does nothing."""
        from flask import Flask

        sys.argv = [script]
        # What a script creates goes when nobody keeps its globals.
        if os.path.isfile(script):
            sys.path.insert(0, os.path.dirname(os.path.realpath(script)))
            self.space = runpy.run_path(script, run_name="__main__")
        else:
            sys.path.insert(0, os.getcwd())
            if not re.fullmatch(r"\w+(\.\w+)*", script) or find_module(script) is None:
                raise NotExamined(f"No application: there is no file {script}.")
            self.space = runpy.run_module(script, run_name="__main__", alter_sys=True)
        made = sorted(self.made(Flask), key=lambda app: "admin" not in app.extensions)
        if not made:
            raise NotExamined(f"No application: {script} makes none.")
        return made[0]

    def load(self, name, limit, script):
        """Find the application, or say why there is none."""
        os.environ.update(FLASK_DEBUG="0", FLASK_RUN_FROM_CLI="true")
        try:
            import flask
            from flask import Flask
            from flask.cli import NoAppException, ScriptInfo, load_dotenv
            from sqlalchemy.orm import Session, scoped_session

            try:
                from flask_admin.base import BaseView
                from flask_admin.model.ajax import AjaxModelLoader
            except ImportError as error:
                raise self.not_together(error) from None
        except ImportError as error:
            raise NotExamined(
                f"{said_by(error)}: run this with the Python of your application."
            ) from None
        for kind in Flask, BaseView, AjaxModelLoader, Session, scoped_session:
            self.note(kind)
        push, pop = self.push, self.pop
        # Before Flask 2.3 there are no signals without blinker.
        with suppress(RuntimeError):
            flask.appcontext_pushed.connect(push)
            flask.appcontext_popped.connect(pop)
        load_dotenv()
        name = name or os.environ.get("FLASK_APP")
        spec = find_module(re.split(r"\W", script or name or "", maxsplit=1)[0])
        for folder in (spec and spec.submodule_search_locations) or []:
            INSTALLED.append(os.path.join(os.path.realpath(folder), ""))
        if hasattr(signal, "setitimer"):
            # No thread: gevent may patch while the application is imported.
            signal.signal(signal.SIGALRM, lambda *arguments: self.too_late(limit))
            signal.setitimer(signal.ITIMER_REAL, limit)
        try:
            if script:
                self.app = self.run_script(script)
            else:
                self.app = ScriptInfo(app_import_path=name).load_app()
            self.is_made = True
        except NoAppException as error:
            text = " ".join(str(error).split())
            if "Traceback" in text:
                last = without_path(str(error).strip().splitlines()[-1])
                raise self.not_made(
                    error.__cause__ or error.__context__, last
                ) from None
            if os.path.exists(".env") and not find_spec("dotenv"):
                text += " Flask reads .env only where python-dotenv is installed."
            raise NotExamined(f"No application: {text}") from None
        except NotExamined:
            raise
        except (Exception, SystemExit) as error:
            raise self.not_made(error, said_by(error)) from None
        finally:
            if hasattr(signal, "setitimer"):
                signal.setitimer(signal.ITIMER_REAL, 0)
            with suppress(RuntimeError):
                flask.appcontext_pushed.disconnect(push)
                flask.appcontext_popped.disconnect(pop)

    def push(self, sender, **extra):
        self.pushed.append(line_of_caller())

    def pop(self, sender, **extra):
        if self.pushed:
            self.pushed.pop()

    @staticmethod
    def too_late(limit):
        sys.__stdout__.write(
            f"Not examined: the application is not made within {limit:g} s.\n"
        )
        sys.__stdout__.flush()
        os._exit(NOT_EXAMINED)

    @staticmethod
    def not_together(error):
        finding = Finding("FAL003", None, None, said_by(error))
        finding.write = cure(str(error)) or "Install releases that work together."
        return NotExamined(
            f"Your application cannot be imported: {said_by(error)}", finding
        )

    def not_made(self, error, said):
        """What an exception means that was raised while the application was made."""
        from flask import Flask
        from sqlalchemy.orm import Session, scoped_session

        error = error if isinstance(error, BaseException) else RuntimeError(said)
        if isinstance(error, ImportError) and cure(said):
            return self.not_together(error)
        place, text = line_of_error(error), str(error)
        frames = [f.filename for f in traceback.extract_tb(error.__traceback__)]
        own = [number for number, file in enumerate(frames) if is_own(file)]
        after = " ".join(frames[own[-1] :]) if own else ""
        finding = None
        if "flask_sqlalchemy_lite" in after and isinstance(error, RuntimeError):
            finding = Finding("FAL001", place, place, said)
        elif "Passing a session object directly" in text:
            self.app = next(iter(self.made(Flask)), None)
            # What a scoped session makes is not the one that was passed.
            scoped = [None, *self.made(scoped_session).values()]
            own = [at for at in self.made(Session).values() if at not in scoped]
            finding = Finding("FAL002", place, [place, *own][-1], said)
        where = f" ({shown(place)})" if place else ""
        return NotExamined(f"Your application raises {said}{where}", finding)


def root(app):
    return "/" + (app.config.get("APPLICATION_ROOT") or "/").strip("/")


# ------------------------------------------------------------------------------------
# What a view holds
# ------------------------------------------------------------------------------------

# These lead away from a view, or are resolved when somebody looks.
CLOSED = (
    "sqlalchemy.",
    "flask.",
    "flask_sqlalchemy",
    "werkzeug.",
    "jinja2.",
    "logging",
)


def parts(thing, view):
    """``(name, part)`` of what an object refers to, as far as it may hold a session."""
    kind = type(thing)
    if isinstance_of(kind, (str, bytes, int, float, types.ModuleType)) or thing is None:
        return
    if isinstance_of(kind, (dict, types.MappingProxyType)):
        yield from ((str(key), part) for key, part in list(thing.items())[:1000])
    elif isinstance_of(kind, (list, tuple, set, frozenset, deque)):
        yield from (
            (str(number), part) for number, part in enumerate(list(thing)[:1000])
        )
    elif kind is types.FunctionType:
        for cell, name in zip(
            thing.__closure__ or (), thing.__code__.co_freevars, strict=True
        ):
            with suppress(ValueError):
                yield name, cell.cell_contents
        yield "defaults", [thing.__defaults__, thing.__kwdefaults__]
        if is_own(thing.__code__.co_filename):
            yield from globals_of(thing.__code__, thing.__globals__)
    elif kind is types.MethodType:
        yield "function", thing.__func__
        if thing.__self__ is not view:
            yield "self", thing.__self__
    elif kind in (staticmethod, classmethod):
        yield "function", thing.__func__
    elif kind is property:
        yield "function", thing.fget
    elif kind is functools.partial:
        yield from [("function", thing.func), ("arguments", thing.args)]
        yield "keywords", thing.keywords
    elif isinstance_of(kind, type):
        if hasattr(thing, "__mapper__") or thing.__module__.startswith(CLOSED):
            return
        is_form = any(base.__module__ == "wtforms.form" for base in thing.__mro__)
        for base in thing.__mro__:
            if is_own_class(base) or is_form:
                yield from list(vars(base).items())
    elif not kind.__module__.startswith(CLOSED) and not hasattr(kind, "__mapper__"):
        yield from list(getattr(thing, "__dict__", {}).items())
        if is_own_class(kind):
            yield from [
                item
                for base in kind.__mro__
                if is_own_class(base)
                for item in vars(base).items()
            ]


def isinstance_of(kind, kinds):
    # Not isinstance(): it asks a proxy for what it stands for.
    return issubclass(kind, kinds)


@functools.lru_cache(None)
def is_own_class(kind):
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return bool(file) and is_own(file)


def globals_of(code, space):
    """``(name, value)`` of each global that code uses, and of ``module.name``."""
    value = None
    for step in dis.get_instructions(code):
        is_module = isinstance_of(type(value), types.ModuleType)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            value = space.get(step.argval)
        elif step.opname in ("LOAD_ATTR", "LOAD_METHOD") and is_module:
            value = vars(value).get(step.argval)
        else:
            value = None
        if value is not None:
            yield step.argval, value
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from globals_of(constant, space)


def sessions_in(view):
    """``(path, owner, session)`` of each session that can be reached from a view."""
    from flask_admin.base import Admin, BaseView
    from sqlalchemy.orm import Session, scoped_session

    seen, waiting = {id(view): view}, deque([((), view)])
    while waiting:
        path, thing = waiting.popleft()
        for name, part in parts(thing, view):
            if id(part) in seen or len(path) > 14:
                continue
            seen[id(part)] = part
            kind = type(part)
            if issubclass(kind, (Session, scoped_session)):
                yield (*path, name), thing, part
            elif not issubclass(kind, (Admin, BaseView)):
                waiting.append(((*path, name), part))


def kind_of_holder(path, owner):
    from flask_admin.model.ajax import AjaxModelLoader
    from flask_admin.model.filters import BaseFilter

    if path == ("session",):
        return "FAL010"
    if isinstance(owner, AjaxModelLoader) or "ajax" in path[0]:
        return "FAL011"
    if isinstance(owner, BaseFilter) or "filter" in path[0]:
        return "FAL013"
    of_form = re.match(
        r"(_?(create|edit|list|delete|action)?_?form(?!a)|inline)", path[0]
    )
    return "FAL012" if of_form else "FAL014"


def is_process_wide(session, app):
    """Whether a scoped session has one scope for two requests at the same time."""
    function = getattr(session.registry, "scopefunc", None)
    if function is None:
        return False
    scopes, barrier = [], threading.Barrier(2)

    def ask():
        with suppress(Exception), app.test_request_context():
            with suppress(Exception):
                app.preprocess_request()
            scopes.append(function())
            barrier.wait(5)

    both = [threading.Thread(target=ask, daemon=True) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join(5)
    return len(scopes) == 2 and scopes[0] == scopes[1]


def calls_on_session(view):
    """``(name, place)`` of each ``self.session.name`` in the reader's own classes."""
    for kind in type(view).__mro__:
        if not is_own_class(kind):
            continue
        with suppress(OSError, TypeError, SyntaxError):
            lines, first = inspect.getsourcelines(kind)
            tree = ast.parse(textwrap.dedent("".join(lines)))
            for node in ast.walk(tree):
                inner = getattr(node, "value", None)
                if (
                    isinstance(node, ast.Attribute)
                    and isinstance(inner, ast.Attribute)
                    and inner.attr == "session"
                    and getattr(inner.value, "id", "") == "self"
                ):
                    file = os.path.realpath(inspect.getsourcefile(kind))
                    yield node.attr, (file, first + node.lineno - 1)


def is_missing(view, name):
    """Whether a view's session is an extension, which lacks a method of a session."""
    from sqlalchemy.orm import Session

    kind = type(view.session)
    nothing = object()
    return (
        kind.__mro__[-2].__module__.startswith("flask_sqlalchemy")
        and hasattr(Session, name)
        and inspect.getattr_static(view.session, name, nothing) is nothing
    )


# ------------------------------------------------------------------------------------
# The change, as a new text of the reader's file
# ------------------------------------------------------------------------------------


class Source:
    """A file of the application, to be changed.

    :param file: its path.
    :param text: what it will hold, if it is changed already.
    """

    def __init__(self, file, text=None):
        self.file, self.text = file, text or Path(file).read_text("utf-8")
        self.lines = self.text.splitlines()
        self.tree = ast.parse(self.text)

    def statements(self, line):
        """The blocks around a line, outermost first, and which part of each it is."""
        found = []
        for node in ast.walk(self.tree):
            for name in "body", "orelse", "finalbody":
                block = getattr(node, name, None)
                for number, part in enumerate(block if isinstance(block, list) else []):
                    if first_line(part) <= line <= part.end_lineno:
                        found.append((block, number))
        return sorted(found, key=lambda pair: first_line(pair[0][pair[1]]))

    def at(self, line):
        """The innermost statement of a line."""
        block, number = self.statements(line)[-1]
        return block[number]

    def replaced(self, node, line):
        """The lines, with another one in place of a statement."""
        new = " " * node.col_offset + line
        return [*self.lines[: node.lineno - 1], new, *self.lines[node.end_lineno :]]

    def write(self, lines):
        same = lines == self.lines
        return {} if same else {self.file: "\n".join(lines) + "\n"}


def first_line(node):
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])


def own_files(first=()):
    """The application's files: those named, those imported, those in the folder."""
    modules, here = list(sys.modules.values()), []
    loaded = [getattr(module, "__file__", None) for module in modules]
    for folder, folders, files in os.walk("."):
        # Nothing below an environment, a hidden folder or a test is the application.
        folders[:] = [
            name
            for name in sorted(folders)
            if not re.match(r"\.|node_modules|tests?$", name)
            and not os.path.exists(os.path.join(folder, name, "pyvenv.cfg"))
        ]
        here += [os.path.join(folder, file) for file in sorted(files)]
        if len(here) > 5000:
            break
    known = filter(None, [*first, *loaded, *here])
    for file in dict.fromkeys(map(os.path.realpath, known)):
        if file.endswith(".py") and is_own(file):
            yield file


def with_proxy(first=(), changed=None):
    """Make ``db`` of ProxySQLAlchemy, where it is made of Lite's class.

    :param first: the files to look at before the others.
    :param changed: ``{file: its new text}`` of a change that this one is added to.
    """
    changed = dict(changed or {})
    for file in own_files([*changed, *first]):
        with suppress(OSError, SyntaxError, ValueError):
            source = Source(file, changed.get(file))
            if "flask_sqlalchemy_lite" in source.text:
                for node in ast.walk(source.tree):
                    if isinstance(node, ast.Call) and (
                        ast.unparse(node.func).split(".")[-1] == "SQLAlchemy"
                    ):
                        return changed | put_proxy(source, node)
    return changed


def put_proxy(source, call):
    lines = list(source.lines)
    row, function = call.lineno - 1, ast.unparse(call.func)
    head, tail = lines[row][: call.col_offset], lines[row][call.col_offset :]
    lines[row] = head + tail.replace(function, "ProxySQLAlchemy", 1)
    block, number = source.statements(call.lineno)[0]
    top = first_line(block[number]) - 1
    imports = [
        line
        for line in PROXY_IMPORTS.splitlines()
        if line not in source.lines and not imported(source.tree, line)
    ]
    classes = PROXY.rpartition("\n\n\ndb = ")[0].splitlines()
    before = ["", ""] if top and lines[top - 1] else [""]
    lines[top:top] = [*before, *classes, "", ""]
    after = [
        node.end_lineno
        for node in source.tree.body
        if isinstance(node, (ast.Import, ast.ImportFrom)) and node.end_lineno <= top
    ]
    row = max(after, default=top)
    lines[row:row] = filter(None, imports)
    return source.write(lines)


def imported(tree, line):
    _, module, _, name = (line.split() + [""] * 4)[:4]
    return any(
        isinstance(node, ast.ImportFrom)
        and node.module == module
        and name in [alias.asname or alias.name for alias in node.names]
        for node in tree.body
    )


def in_with(place, header, until_return):
    """Put a statement's value in a ``with``, and what follows it inside."""
    source = Source(place[0])
    for block, number in reversed(source.statements(place[1])):
        for position in range(number, -1, -1):
            text = header(block[position])
            if text is None:
                continue
            last = block[-1]
            if until_return and isinstance(last, ast.Return) and len(block) > 1:
                last = block[-2]
            node, lines = block[position], source.lines
            indent = " " * node.col_offset
            inside = [
                f"    {line}" if line.strip() else line
                for line in lines[node.end_lineno : last.end_lineno]
            ]
            inside = [f"{indent}with {text}:", *(inside or [f"{indent}    pass"])]
            end = max(last.end_lineno, node.end_lineno)
            return source.write([*lines[: node.lineno - 1], *inside, *lines[end:]])
    return {}


def pushing(node):
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        function = node.value.func
        if isinstance(function, ast.Attribute) and function.attr == "push":
            return ast.unparse(function.value)
    return None


def opening(node):
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        text = ast.unparse(node.value)
        if re.search(r"(sessionmaker\(.*\)|[sS]ession\w*\(.*\)|\.connect\(\))$", text):
            return f"{text} as {ast.unparse(node.targets[0])}"
    return None


def scoped_again(place, loaded):
    """Make a session that is kept one of the request, where it is created."""
    source = Source(place[0])
    node = source.at(place[1])
    call = getattr(node, "value", None)
    if not isinstance(node, ast.Assign) or not isinstance(call, ast.Call):
        return {}
    name, function = ast.unparse(node.targets[0]), ast.unparse(call.func)
    if not re.search(r"session\w*(\(.*\))?$", function, re.IGNORECASE):
        return {}
    lite = re.search(
        r"\b(\w+)\.(session\b|sessionmaker\b|get_session|engine\b)", ast.unparse(call)
    )
    first = [*call.args, *[each.value for each in call.keywords]][:1]
    given = ast.unparse(first[0]) if first else ""
    if lite and package_of(loaded.app):
        changed = source.write(source.replaced(node, f"{name} = {lite[1]}.session"))
        return with_proxy(changed=changed) if uses_lite(loaded) else changed
    if function.endswith("scoped_session"):
        value = f"scoped_session({given})"
    elif function in ("Session", "orm.Session") and given:
        value = f"scoped_session(sessionmaker({given}))"
    elif not first:
        value = f"scoped_session({function})"
    else:
        value = f"scoped_session(lambda: {ast.unparse(call)})"
    lines, place = source.replaced(node, f"{name} = {value}"), None
    if f"{name}.remove(" not in source.text:
        place = loaded.places.get(loaded.app)
    if place and place[0] == source.file:
        removed_here(source, lines, node, name, place)
    names = [n for n in ("scoped_session", "sessionmaker") if f"{n}(" in value]
    line = "from sqlalchemy.orm import "
    missing = [n for n in names if not imported(source.tree, line + n)]
    if missing:
        row = min(
            node.lineno - 1
            for node in source.tree.body
            if isinstance(node, (ast.Import, ast.ImportFrom))
            and getattr(node, "module", "") != "__future__"
        )
        lines.insert(row, line + ", ".join(missing))
    changed = source.write(lines)
    if place and place[0] != source.file:
        changed |= removed_elsewhere(place, source.file, name)
    return changed


def removed_here(source, lines, node, name, place):
    """Add a teardown to lines, in which a statement makes the session."""
    made, (block, _) = source.at(place[1]), source.statements(place[1])[-1]
    target = ast.unparse(made.targets[0]) if isinstance(made, ast.Assign) else "app"
    # After both, so that both names are there.
    later = max([made, node], key=lambda each: each.lineno)
    if not any(b is block for b, _ in source.statements(node.lineno)):
        later = made
    shift = len(lines) - len(source.lines)
    row = later.end_lineno + (shift if later.lineno >= node.lineno else 0)
    line = f"{target}.teardown_appcontext(lambda error: {name}.remove())"
    lines.insert(row, " " * later.col_offset + line)


def removed_elsewhere(place, file, name):
    """The same, where the application is created in another file."""
    modules = [
        key
        for key, module in list(sys.modules.items())
        if os.path.realpath(getattr(module, "__file__", None) or "") == file
    ]
    source = Source(place[0])
    made = source.at(place[1])
    if not modules or not isinstance(made, ast.Assign):
        return {}
    indent, target = " " * made.col_offset, ast.unparse(made.targets[0])
    new = f"from {modules[0]} import {name} as scoped"
    end = f"{target}.teardown_appcontext(lambda error: scoped.remove())"
    lines = list(source.lines)
    lines[made.end_lineno : made.end_lineno] = [indent + new, indent + end]
    return source.write(lines)


def by_db(finding, loaded):
    """Write ``db.session`` for ``self.session``, or for the ``db`` of a view."""
    source, view = Source(finding.cause[0]), finding.view
    lines, row = list(source.lines), finding.cause[1] - 1
    files = {getattr(m, "__file__", None): m for m in list(sys.modules.values())}
    spaces = [vars(sys.modules[type(view).__module__])]
    spaces.append(vars(files.get(source.file, sys)))
    names = [n for each in spaces for n, held in each.items() if held is view.session]
    if "self.session" in lines[row]:
        new = f"{names[0] if names else 'self.session'}.session"
        lines[row] = re.sub(r"\bself\.session\b(?!\.session)", new, lines[row])
        return source.write(lines)
    kinds = "|".join({type(each).__name__ for each in list(loaded.places)})
    given = rf"(\b(?:{kinds})\([^()]*,\s*){names[-1]}(?=\s*[,)])"
    text = re.sub(given, rf"\g<1>{names[-1]}.session", source.text)
    changed = source.write(text.splitlines())
    return with_proxy(changed=changed) if uses_lite(loaded) else changed


def change(finding, loaded):
    """``{file: its new text}`` that heals a finding, empty where none is known."""
    # Without a change, a finding is a finding.
    with suppress(Exception):
        cause = finding.cause or finding.where
        if finding.id == "FAL024":
            return by_db(finding, loaded)
        if cause is None:
            return with_proxy() if finding.id in ("FAL001", "FAL002") else {}
        if finding.id == "FAL020":
            return in_with(cause, pushing, True)
        if finding.id == "FAL021":
            return in_with(cause, opening, False)
        if finding.id in HELD | {"FAL001", "FAL002", "FAL022", "FAL023"}:
            source = Source(cause[0])
            lines, row = list(source.lines), cause[1] - 1
            if ".session()" in lines[row]:
                lines[row] = lines[row].replace(".session()", ".session")
                return source.write(lines)
            changed = loaded and scoped_again(cause, loaded)
            return changed or (with_proxy([cause[0]]) if uses_lite(loaded) else {})
    return {}


def as_diff(changed):
    found = []
    for file, text in changed.items():
        name = shown((file, 0)).rpartition(":")[0]
        old = Path(file).read_text("utf-8").splitlines()
        found += difflib.unified_diff(
            old, text.splitlines(), f"a/{name}", f"b/{name}", lineterm=""
        )
    return "\n".join(found)


# ------------------------------------------------------------------------------------
# The views, requested
# ------------------------------------------------------------------------------------

# A GET that does something is not sent.
ACTS = (
    r"(log[_-]?out|delete|remove|send|sync|import|export|run|clear|reset|purge|flush"
    r"|trigger|start|stop|restart|retry|cancel|refund|impersonate)(?![a-z])"
)


def acts(url, page, is_start):
    """Whether the name of a page says so; of a start page, the whole name."""
    match = re.fullmatch if is_start else re.match
    last = urlsplit(url).path.rstrip("/").rpartition("/")[2]
    return match(ACTS, last) or match(ACTS, page)


def name_of(view):
    """Its name as a text: Flask-Babel translates one where there is an application."""
    try:
        return str(view.name)
    except (KeyError, RuntimeError):
        return view.endpoint


def is_own_page(view, name):
    """Whether the function of a page is the application's, not Flask-Admin's."""
    function = inspect.unwrap(getattr(type(view), name, None) or len)
    return hasattr(function, "__code__") and is_own(function.__code__.co_filename)


class Finding:
    def __init__(self, id, where, cause, said="", view=None):
        self.id, self.where, self.cause, self.said = id, where, cause, said
        self.view, self.views, self.sessions, self.evidence = view, [], [], []
        self.write, self.changed = "", {}

    def as_json(self):
        what, why = FINDINGS[self.id]
        return {
            "id": self.id,
            "what": what,
            "where": shown(self.where),
            "cause": shown(self.cause),
            "why": why,
            "said": self.said,
            "views": [name_of(view) for view in self.views],
            "evidence": list(dict.fromkeys(self.evidence))[:4],
            "write": self.write,
            "diff": as_diff(self.changed),
            "page": f"{GUIDE}doctor-findings.html#{self.id.lower()}",
        }


class Form(html.parser.HTMLParser):
    """The fields of the first form on a page that is posted."""

    def __init__(self, text):
        super().__init__()
        self.data, self.kinds, self.state, self.area = {}, {}, "before", None
        self.choice = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        name = given.get("name")
        if tag == "form" and self.state == "before":
            inside = (given.get("method") or "").lower() == "post"
            self.state = "inside" if inside else "before"
        elif self.state != "inside":
            return
        elif tag == "input" and name and given.get("type") not in ("submit", "file"):
            if given.get("type") not in ("checkbox", "radio") or "checked" in given:
                self.data[name] = given.get("value") or ""
                self.kinds[name] = f"{given.get('type')} {given.get('data-role')}"
        elif tag == "textarea" and name:
            self.data[name], self.area, self.kinds[name] = "", name, "text"
        elif tag == "select" and name:
            self.choice, self.data[name] = name, []
            self.kinds[name] = "select" if "multiple" in given else "one"
        elif tag == "option" and self.choice:
            first = self.kinds[self.choice] == "one" and not self.data[self.choice]
            if "selected" in given or (
                first and (given.get("value") or "")[:2] != "__"
            ):
                self.data[self.choice] = [given.get("value") or ""]

    def handle_endtag(self, tag):
        if tag == "form" and self.state == "inside":
            self.state = "after"
        elif tag == "textarea":
            self.area = None
        elif tag == "select":
            self.choice = None

    def handle_data(self, data):
        if self.area:
            self.data[self.area] += data

    def filled(self):
        """The data, with a value in each field that is empty."""
        samples = {"date": "2026-01-02", "number": "1", "email": "doctor@example.com"}
        samples.update(datepicker="2026-01-02", datetimepicker="2026-01-02 03:04:05")
        samples.update(timepicker="03:04:05", hidden="")
        data = dict(self.data)
        for name, kind in self.kinds.items():
            if not data[name] and kind != "one" and "select" not in kind:
                known = [samples[word] for word in kind.split() if word in samples]
                data[name] = (known or ["doctor"])[0]
        return data


def described(name, dialect, pool):
    return f"engine {name or 'in memory'}: {dialect.name}, {type(pool).__name__}"


def extension(app):
    return app.extensions.get("sqlalchemy")


def package_of(app):
    """The package of the application's extension, or an empty text."""
    for kind in type(app and extension(app)).__mro__:
        if kind.__module__.startswith("flask_sqlalchemy"):
            return kind.__module__.partition(".")[0]
    return ""


def uses_lite(loaded):
    """Whether its extension is Lite, or without an application, Lite was imported."""
    known = [package_of(loaded.app)] if loaded and loaded.is_made else sys.modules
    return "flask_sqlalchemy_lite" in known


class Examination:
    """An application, examined.

    :ivar findings: in the order of their ids.
    :ivar views: ``{name, where, requests, says}`` of each view.
    :ivar not_examined: sentences.
    """

    def __init__(self, loaded, options, folder):
        from flask_admin import AdminIndexView

        self.loaded, self.app, self.options = loaded, loaded.app, options
        self.findings, self.views, self.not_examined, self.notes = [], [], [], []
        if not self.app.extensions.get("admin"):
            raise NotExamined(
                f"Your application has no Admin: nothing to examine. {BELOW_MAIN}"
            )
        self.subjects = list(
            {
                id(view): view
                for admin in self.app.extensions["admin"]
                for view in admin._views
                if type(view) is not AdminIndexView
            }.values()
        )
        if not self.subjects:
            raise NotExamined(
                f"Its Admin has no views: nothing to examine. {BELOW_MAIN}"
            )
        self.app.testing = self.app.debug = False
        self.app.config.update(PROPAGATE_EXCEPTIONS=False, TRAP_HTTP_EXCEPTIONS=False)
        self.guard = Guard(os.path.realpath(folder))
        pairs = [text.partition("=")[::2] for text in options.cookie]
        headers = [tuple(map(str.strip, text.split(":", 1))) for text in options.header]
        self.watch = Watch(self.app, options.timeout, headers, pairs)
        self.watch.at_end = self.guard.forget
        self.stale, self.shared, self.kept, self.wrote = {}, {}, [], False
        self.seen, self.hung, self.problems = 0, 0, {}
        self.let_in()

    def let_in(self):
        if self.options.as_user is not None:
            manager = getattr(self.app, "login_manager", None)
            if manager is None:
                raise NotExamined(
                    "--as-user needs Flask-Login, which your application lacks."
                )
            who = self.options.as_user

            def log_in():
                user = manager._user_callback and manager._user_callback(who)
                store = getattr(self.app.extensions.get("security"), "datastore", None)
                if user is None and store is not None:
                    # PostgreSQL compares no number with a text.
                    number = int(who) if who.isdigit() else who
                    name = "email" if "@" in who else "id"
                    user = store.find_user(**{name: number})
                if user is None:
                    raise LookupError(f"--as-user: no user {who!r}")
                manager._update_request_context_with_user(user)

            self.app.before_request_funcs.setdefault(None, []).insert(0, log_in)
        if self.options.bypass_access:
            self.app.config["LOGIN_DISABLED"] = True
            for view in self.subjects:
                view.is_accessible = lambda: True
            self.notes.append("--bypass-access: views are examined as if accessible")

    # Engines

    def examine_engines(self):
        """Connect with each engine; return a line about each."""
        found, known = [], {}
        with suppress(Exception), self.app.app_context():
            made = extension(self.app)
            made = getattr(made, "db", made)
            known = dict(getattr(made, "engines", None) or {None: made.engine})
        for name, engine in known.items():
            name = name or "default"
            hand = Hand()
            hand.give(functools.partial(self.try_engine, engine))
            said = hand.take(self.options.timeout) or "no answer in time"
            self.guard.used[engine.url] = name
            found.append(described(name, engine.dialect, engine.pool))
            if said != "answers":
                self.not_examined.append(
                    f"The database of the engine {name!r} does not answer: {said}"
                )
        return found

    @staticmethod
    def try_engine(engine):
        try:
            with engine.connect():
                return "answers"
        except Exception as error:
            return said_by(error)

    # Addresses

    def url(self, endpoint, **values):
        from werkzeug.routing import BuildError

        config = self.app.config
        server = config.get("SERVER_NAME") or "localhost"
        scheme = config.get("PREFERRED_URL_SCHEME") or "http"
        adapter = self.app.url_map.bind(server, url_scheme=scheme)
        names = [name for name in ("search", "sort", "query") if name in values]
        query = urlencode({name: values.pop(name) for name in names})
        try:
            address = adapter.build(endpoint, values, force_external=True)
        except BuildError:
            return None
        return address + (("&" if "?" in address else "?") + query) * bool(query)

    # One view

    def where(self, view):
        if self.loaded.places.get(view):
            return self.loaded.places[view]
        with suppress(OSError, TypeError):
            file = os.path.realpath(inspect.getsourcefile(type(view)))
            return file, inspect.getsourcelines(type(view))[1]
        return None

    def is_model_view(self, view):
        return hasattr(view, "session") and hasattr(
            inspect.getattr_static(view, "model", None), "__mapper__"
        )

    def add(self, id, view, cause, said="", evidence=(), session=None):
        """Add a finding, or a view to that with the same session or cause."""
        for finding in self.findings:
            same = any(each is session for each in finding.sessions)
            alike = cause or (session is None and view in finding.views)
            if finding.id == id and (same or (finding.cause == cause and alike)):
                break
        else:
            where = self.where(view) if view else cause
            finding = Finding(id, where, cause, said, view)
            self.findings.append(finding)
        finding.sessions += [session] if session is not None else []
        if view and view not in finding.views:
            finding.views.append(view)
        finding.evidence += evidence
        return finding

    def examine_view(self, view):
        """Request the pages of a view; return a line of the report."""
        requests = answered = 0
        problem = None
        for visit in self.visits(view) if self.hung < 3 else ():
            requests += 1
            answered += visit.status == 200
            self.hung += visit.hung
            said = self.judge(view, visit)
            problem = problem or (said and (str(visit), said))
            if self.hung >= 3:
                break
        self.seen += answered
        if answered and problem and problem[1].startswith("redirects"):
            # The start page of a view may lead to another one.
            problem = None
        if not requests and self.hung >= 3:
            problem = "", "not requested, after three pages that gave no answer"
        elif not requests and self.is_model_view(view):
            problem = "", "its list has no address without an argument"
        if problem:
            # One sentence for all tables that are missing.
            kind = cure(problem[1]) or problem[1]
            self.problems.setdefault(kind, [*problem]).append(name_of(view))
        elif not requests:
            problem = "", "no page can be requested without an argument or an effect"
        return {
            "name": name_of(view),
            "where": shown(self.where(view)),
            "requests": requests,
            "problem": problem and " ".join(problem).strip(),
        }

    def look(self, view):
        """What a view holds, without a request."""
        from sqlalchemy.orm import scoped_session

        places = self.loaded.places
        scoped = self.loaded.made(scoped_session)
        for path, owner, session in sessions_in(view):
            place = places.get(session)
            if session not in scoped and place in scoped.values():
                # Whoever holds it called the scoped session, which is right itself.
                place = None
            place = place or places.get(owner)
            if not isinstance_of(type(session), scoped_session):
                id, said = kind_of_holder(path, owner), ".".join(path)
                self.add(id, view, place, said, session=session)
            elif is_process_wide(session, self.app):
                self.add("FAL023", view, place, "one scope for the whole process")
        if self.is_model_view(view):
            for name, place in calls_on_session(view):
                if is_missing(view, name):
                    self.add("FAL024", view, place, f"self.session.{name}")

    def visits(self, view):
        name = view.endpoint
        start = self.is_model_view(view) and self.url(f"{name}.index_view")
        keys = []
        if start:
            with self.keys_of(view, keys):
                first = self.get(start)
            yield first
            if first.status != 200:
                return
        pages = []
        for path, page, methods in view._urls:
            url = "GET" in methods and "<" not in path and self.url(f"{name}.{page}")
            if (
                url
                and url != start
                and not acts(url, page, page == view._default_view)
                and (page == view._default_view or is_own_page(view, page))
            ):
                visit = self.get(url)
                pages += [] if visit.hung else [url]
                yield visit
        if not start:
            if pages:
                self.meet(view, pages[0])
            return
        if getattr(view, "_search_supported", False):
            yield self.get(self.url(f"{name}.index_view", search="a"))
        if getattr(view, "_sortable_columns", None):
            yield self.get(self.url(f"{name}.index_view", sort=0))
        pages, key = [("create_view", view.can_create, {})], None
        if keys:
            key = {"id": keys[0]}
            pages += [("edit_view", view.can_edit, key)]
            pages += [("details_view", view.can_view_details, key)]
        for page, there, values in pages:
            url = there and self.url(f"{name}.{page}", **values)
            if url:
                yield self.get(url)
        for loader in getattr(view, "_form_ajax_refs", None) or {}:
            url = self.url(f"{name}.ajax_lookup", name=loader, query="a")
            if url:
                yield self.get(url)
        if self.options.try_forms:
            yield from self.forms(view, key)
        self.meet(view, self.url(f"{name}.index_view"))

    @contextmanager
    def keys_of(self, view, found):
        """Inside, note the keys of the rows that a list shows."""
        original = view.get_list

        def noted(*arguments, **options):
            count, rows = original(*arguments, **options)
            with suppress(Exception):
                found[:] = [view.get_pk_value(row) for row in rows[:1]]
            return count, rows

        view.get_list = noted
        try:
            yield
        finally:
            view.get_list = original

    def get(self, url, **options):
        gc.collect()
        visit = self.watch.get(url, **options)
        if visit.wrote:
            self.wrote = True
            with self.guard.rolled_back():
                visit = self.watch.get(url, **options)
        return visit

    def forms(self, view, key):
        """Post the create form and that of the first row; everything is rolled back."""
        pages = [("create_view", view.can_create, {}, True)]
        if key:
            pages += [("edit_view", view.can_edit, key, False)]
        for page, there, values, is_new in pages:
            url = there and self.url(f"{view.endpoint}.{page}", **values)
            if not url:
                continue
            form = Form(self.get(url).text)
            data = form.filled() if is_new else form.data
            with self.guard.rolled_back():
                visit = self.watch.get(url, method="POST", data=data)
            if visit.status == 200:
                self.notes.append(
                    f"{name_of(view)}: {visit} was not accepted, and not saved"
                )
                visit.location = ""
            elif visit.status == 302:
                visit.status = 200
            yield visit

    def meet(self, view, url):
        """Whether two requests at the same time share a session."""
        with self.guard.rolled_back() if self.guard.writing else suppress():
            visits = self.watch.at_once(url)
        if any(visit.wrote for visit in visits):
            with self.guard.rolled_back():
                visits = self.watch.at_once(url)
        if len(visits) == 2:
            for number in set(visits[0].used) & set(visits[1].used):
                session = visits[0].used[number]()
                self.shared.setdefault(number, (view, session, str(visits[0])))

    def judge(self, view, visit):
        """Note what a request did; return why it was not examined, or None."""
        for number in visit.stale:
            session, views, evidence = self.stale.setdefault(
                number, (visit.used[number](), [], [])
            )
            views.append(view)
            evidence.append(f"{visit} uses the open session of an earlier request")
        for number, place in visit.kept:
            session = visit.used[number]() if number in visit.used else None
            self.kept.append(
                (view, number, session, place, f"{visit} keeps a connection")
            )
        if visit.hung:
            return f"gave no answer within {self.options.timeout:g} s"
        if visit.error is not None and visit.status >= 500:
            return self.raised(view, visit)
        how = STILL if self.options.bypass_access else OPTIONS
        if visit.status in (301, 302, 303, 307, 308):
            target = urlsplit(visit.location).path
            if re.search(r"(log|sign)[_-]?(in|on)|auth|sso", target, re.IGNORECASE):
                return f"asks for a login: {how}"
            return f"redirects to {target}; if that is a login: {how}"
        if visit.status in (401, 403):
            return f"answers {visit.status} and asks for a login: {how}"
        return None if visit.status == 200 else f"answers {visit.status}"

    def raised(self, view, visit):
        error = visit.error
        place = line_of_error(error)
        thing = getattr(error, "obj", None)
        session = getattr(view, "session", None)
        if isinstance(error, AttributeError) and thing is session is not None:
            finding = self.add(
                "FAL024", view, place or self.where(view), said_by(error), [str(visit)]
            )
            if place is None:
                finding.write = "This Flask-Admin wants a session: pass `db.session`."
            return None
        where = f" ({shown(place)})" if place else ""
        how = f": {cure(said_by(error))}" if cure(said_by(error)) else ""
        return f"raises {said_by(error)}{where}{how}"

    # All of it

    def cause_of(self, session, view):
        """Where a session came from that a request used."""
        from sqlalchemy.orm import scoped_session

        if session is not None and self.loaded.places.get(session):
            return self.loaded.places[session]
        given = getattr(view, "session", None)
        if isinstance_of(type(given), scoped_session) and self.loaded.places.get(given):
            return self.loaded.places[given]
        return None

    def conclude(self):
        """Make findings of what the requests did, one for each cause."""
        held = {
            self.watch.known.get(session): finding
            for finding in self.findings
            for session in finding.sessions
        }
        explained = set(held)
        for number, (session, views, evidence) in self.stale.items():
            if number in held:
                held[number].evidence += evidence
            else:
                cause = self.cause_of(session, views[0])
                self.findings = [
                    f for f in self.findings if (f.id, f.cause) != ("FAL023", cause)
                ]
                for view in views:
                    self.add("FAL022", view, cause, "", evidence)
                explained.add(number)
        for number, (view, session, visit) in self.shared.items():
            if number in held:
                held[number].evidence.append("two requests at the same time share it")
            elif number not in explained:
                text = f"{visit}, twice at the same time"
                self.add("FAL023", view, self.cause_of(session, view), "", [text])
                explained.add(number)
        for view, number, _, place, evidence in self.kept:
            if number in held:
                held[number].evidence.append(evidence)
            elif number is None or number not in explained:
                self.add("FAL021", view, place or self.where(view), "", [evidence])

    def run(self):
        from flask import has_app_context

        engines = self.examine_engines()
        if has_app_context():
            self.add(
                "FAL020", None, next(filter(None, reversed(self.loaded.pushed)), None)
            )
        # What is garbage goes between two requests, not when Python likes.
        gc.disable()
        gc.freeze()
        for view in self.subjects:
            self.look(view)
        self.views = [self.examine_view(view) for view in self.subjects]
        gc.enable()
        # The extension does not know those that the application creates by itself.
        for url, engine in self.guard.used.items():
            if not isinstance(engine, str):
                engines.append(described(url.database, engine.dialect, engine.pool))
        self.conclude()
        for line, view in zip(self.views, self.subjects, strict=True):
            line["findings"] = list(
                dict.fromkeys(f.id for f in self.findings if view in f.views)
            )
        for visit, said, *names in self.problems.values():
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            what = f"{', '.join(names[:3])}{more}: {visit}".rstrip(": ")
            self.not_examined.append(f"{what}{' ' if visit else ': '}{said}")
        if not self.seen and not self.not_examined:
            self.not_examined.append("No page of any view could be looked at.")
        elif not self.watch.database and not self.findings and not self.not_examined:
            self.not_examined.append(
                "No page uses SQLAlchemy: there is nothing to find."
            )
        return engines


# ------------------------------------------------------------------------------------
# The report
# ------------------------------------------------------------------------------------

WRITE = {
    "FAL003": "",
    "FAL020": "Use `with app.app_context():`, which pops it.",
    "FAL021": "Open it in a `with` statement, or use `db.session`.",
    "FAL024": "Use `db.session` in the methods that you override.",
}
ANSWER = "Create `db` from ProxySQLAlchemy and pass `db.session`."
SCOPED_ANSWER = "Use a scoped session, and remove it in a teardown."


def advise(finding, loaded):
    default = ANSWER if uses_lite(loaded) else SCOPED_ANSWER
    finding.write = finding.write or WRITE.get(finding.id) or default
    finding.changed = change(finding, loaded)


def report_installation(found, uses, whole, say):
    """Print what was tried; return the finding that nothing works, or None.

    :param uses: the module of the extension that the application has, or None.
    :param whole: whether to print all of what is to be written.
    """
    say(", ".join(f"{name} {version}" for name, version in installed().items()))
    if not found:
        return None

    def tried(name, said):
        say(f"  {'fails' if said else 'works'}  {name}" + f": {said}" * bool(said))

    say("Tried here, each in a small admin of its own:")
    works, failed, packages = [], [], set()
    for number, approach in enumerate(APPROACHES):
        said = found.get(str(number), found.get(approach.package))
        if said is None:
            continue
        packages.add(approach.package)
        (failed if said else works).append((approach, said))
        tried(approach.name, said)
    if "gevent" in found:
        tried("the first of these on gevent", found["gevent"])
    answers = {}
    for approach, _ in works:
        answers.setdefault(approach.package, approach)
    for package in list(answers):
        is_asked = uses is None and package != "sqlalchemy"
        if package == uses or is_asked or len(answers) == 1:
            approach = answers[package]
            say(f"Write here, with {package}:")
            for line in approach.lines(whole):
                say(f"  {line}".rstrip())
    missing = packages - set(answers) - {"sqlalchemy"}
    if not packages or uses in answers or (works and uses is None and not missing):
        return None
    said = next((said for _, said in failed if cure(said)), failed[0][1])
    finding = Finding("FAL003", None, None, said)
    finding.write = cure(said) or "Install releases that work together."
    return finding


def report_application(examined, loaded, engines, say):
    say(f"Application: {examined.app.import_name}, {', '.join(engines) or 'no engine'}")
    how = ", ".join(examined.guard.how) or "no database outside of memory was used"
    say(
        f"Nothing is written: {how}. What your application does when it starts, it did."
    )
    if examined.wrote:
        say("Some pages write when they are looked at: they were rolled back.")
    for note in examined.notes:
        say(f"Note: {note}")
    for view in examined.views:
        found = [id for id in view["findings"] if id not in examined.options.ignore]
        verdict = ", ".join(found) or view["problem"] or "no fault found"
        seen = f"{view['where']}), {view['requests']} requests"
        say(f"  {view['name']} ({seen}: {verdict}")


def report_findings(findings, with_diff, say):
    before = {}
    for number, finding in enumerate(findings, 1):
        each = finding.as_json()
        say(f"\n{number}. {each['id']} {each['what']}")
        says = [each["said"], *each["evidence"]]
        places = dict.fromkeys(filter(None, [each["where"], each["cause"]]))
        for name, text in [
            ("where", " and ".join(places)),
            ("views", ", ".join(each["views"])),
            ("seen", "; ".join(filter(None, says))),
            ("why", each["why"]),
            ("write", each["write"]),
            ("page", each["page"]),
        ]:
            if text:
                say(f"  {name + ':':7}{text}")
        if with_diff and each["diff"]:
            same = before.setdefault(each["diff"], number)
            same = same if same != number else None
            say(f"  The change is that of finding {same}." if same else each["diff"])
        elif with_diff:
            say("  No change can be written for this one.")
    if findings and not with_diff and any(finding.changed for finding in findings):
        say("\nRun it again with --diff to see the changes to your files.")


def seconds(text):
    """A time that a timer takes."""
    if not 0 < float(text) < 1e6:
        raise ValueError(text)
    return float(text)


def parser():
    found = argparse.ArgumentParser(
        prog="doctor.py",
        description="Examine an admin made with Flask-Admin and SQLAlchemy.",
        epilog="Exit codes: 0 healthy, 1 faults, 2 not examined, 3 the doctor failed.",
    )
    add = found.add_argument
    add("--app", help="package:create_app, as flask --app takes it")
    add(
        "--script",
        metavar="FILE",
        help="run this file as python does, instead of --app",
    )
    add("--only", choices=["installation", "application"], help="leave the other out")
    add("--as-user", metavar="ID", help="be this user of Flask-Login")
    add("--header", action="append", default=[], metavar="'NAME: VALUE'")
    add("--cookie", action="append", default=[], metavar="NAME=VALUE")
    add("--bypass-access", action="store_true", help="examine as if accessible")
    add("--try-forms", action="store_true", help="post forms, and roll them back")
    add("--timeout", type=seconds, default=30, metavar="S", help="for a page (30)")
    add(
        "--ignore", action="append", default=[], metavar="FAL…", help="not this finding"
    )
    add("--diff", action="store_true", help="print the changes to your files")
    add("--json", action="store_true", help="print everything as JSON")
    add("--verbose", action="store_true", help="show what your application prints")
    add("--work", nargs=2, help=argparse.SUPPRESS)
    return found


TRY_FORMS = """\
--try-forms: forms are posted and the database is rolled back. This is not rolled back:
mail, files, queues, requests that your application sends, and numbers of sequences."""


def examine(options, say, folder):
    """Examine both; return ``(findings, sentences, exit code, everything as JSON)``."""
    found, findings, sentences, loaded, examined = {}, [], [], None, None
    engines, processes = [], []
    version = installed().get("SQLAlchemy", "2.0")
    is_old = [int(part) for part in re.findall(r"\d+", version)[:2]] < [1, 4]
    if options.only != "application" and not is_old:
        processes = list(start_trials(folder))
    try:
        if is_old:
            raise NotExamined(
                f"The doctor needs SQLAlchemy 1.4 or newer; this is {version}."
            )
        if options.only != "installation":
            loaded = Loaded()
            loaded.load(options.app, options.timeout * 2, options.script)
            examined = Examination(loaded, options, folder)
            engines = examined.run()
            findings, sentences = examined.findings, examined.not_examined
    except NotExamined as error:
        findings += filter(None, [error.finding])
        sentences.append(str(error))
    finally:
        found = finish_trials(processes)
    if options.only != "application":
        uses = loaded and (package_of(loaded.app) or None)
        broken = report_installation(found, uses, options.diff, say)
        if not found and not sentences:
            sentences.append(
                "Flask-Admin and SQLAlchemy are not installed in this Python: run this "
                "with the Python of your application."
            )
        if broken and not any(finding.id == "FAL003" for finding in findings):
            findings.insert(0, broken)
    findings = [each for each in findings if each.id not in options.ignore]
    findings.sort(key=lambda each: each.id)
    for finding in findings:
        advise(finding, loaded)
    if examined and engines is not None:
        examined.findings = findings
        report_application(examined, loaded, engines, say)
    report_findings(findings, options.diff, say)
    for sentence in sentences:
        say(f"Not examined: {sentence}")
    code = FOUND if findings else NOT_EXAMINED if sentences else HEALTHY
    verdicts = ["Healthy: no fault was found.", f"Faults found: {len(findings)}."]
    say("\n" + [*verdicts, "Not examined, or not all of it."][code])
    everything = {
        "packages": installed(),
        "installation": [
            {"approach": APPROACHES[int(n)].name, "fails": said}
            for n, said in found.items()
            if n.isdigit()
        ],
        "views": examined.views if examined else [],
        "findings": [finding.as_json() for finding in findings],
        "not_examined": sentences,
        "exit": code,
    }
    return code, everything


def main(arguments=None):
    """Run the doctor; return its exit code."""
    options = parser().parse_args(arguments)
    if options.work:
        # The doctor's folder is the reader's: no module of it stands for a package.
        sys.path.pop(0)
        work(*options.work)
        return HEALTHY
    options.ignore = [id for each in options.ignore for id in each.split(",")]
    unknown = sorted(set(options.ignore) - set(FINDINGS))
    if unknown:
        parser().error(f"--ignore: no finding {', '.join(unknown)}")
    if any(":" not in each for each in options.header):
        parser().error("--header: write 'NAME: VALUE'")
    out = sys.stdout

    def say(line):
        if not options.json:
            print(line, file=out, flush=True)

    if options.try_forms:
        say(TRY_FORMS)
    with ExitStack() as opened:
        folder = opened.enter_context(
            tempfile.TemporaryDirectory(prefix="doctor-", ignore_cleanup_errors=True)
        )
        sink = opened.enter_context(open(os.devnull, "w"))
        if options.verbose:
            sink = sys.stderr
        opened.enter_context(redirect_stdout(sink))
        opened.enter_context(redirect_stderr(sink))
        code, everything = examine(options, say, folder)
    if options.json:
        print(json.dumps(everything, indent=2), file=out)
    return code


def run():
    try:
        code = main()
    except KeyboardInterrupt:
        code = NOT_EXAMINED
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        sys.__stderr__.write(
            f"The doctor itself failed, please report it: {said_by(error)} "
            f"({os.path.basename(place.filename)}:{place.lineno})\n"
        )
        code = CRASHED
    sys.__stdout__.flush()
    # A page that hangs holds its thread.
    os._exit(code)


if __name__ == "__main__":
    run()
