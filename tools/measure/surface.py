"""Drive an admin as a browser does: requests, forms with their tokens, no context."""

import gc
import itertools
import json
import re
import tempfile
import threading
from contextlib import contextmanager

from bs4 import BeautifulSoup
from flask import g, got_request_exception
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import NullPool, create_engine, event
from sqlalchemy.orm import Session

# Every check makes an application: compile the admin's templates once.
TEMPLATES = FileSystemBytecodeCache(tempfile.mkdtemp(prefix="templates-"))


class Failure(Exception):
    """What a check found wrong, in the words that the compatibility table prints."""


def describe(error):
    """``Type: message`` of an exception, the same on every run and machine."""
    text = f"{type(error).__name__}: {error}".strip()
    text = re.sub(r"0x[0-9a-f]+", "0x…", text)
    return re.sub(r"\(/.*/site-packages/", "(", text)


def configuration(url, **options):
    """The configuration of either extension for one engine."""
    return {
        "SECRET_KEY": "testing",
        "SQLALCHEMY_ENGINES": {"default": {"url": url} | options if options else url},
        "SQLALCHEMY_DATABASE_URI": url,
        "SQLALCHEMY_ENGINE_OPTIONS": options,
    }


def require(condition, message):
    if not condition:
        raise Failure(message)


class Surface:
    """A running application, its database seen from elsewhere, and probes.

    :param create_app: the factory under test, called outside of any context.
    :param url: a database that nobody else uses.
    """

    def __init__(self, create_app, url):
        self.app = create_app(configuration(url))
        self.app.jinja_env.bytecode_cache = TEMPLATES
        self.url = url
        self.before = None
        self.turn = self.end = None
        self.sessions = []
        self.client = self.app.test_client()
        # Requests of two threads run at the same time.
        self._errors = threading.local()
        self._numbers = itertools.count()
        got_request_exception.connect(self._note_error, self.app)
        self.app.before_request(self._begin)
        self.app.teardown_request(self._end_turn)
        # The last one that is registered runs first.
        self.app.teardown_appcontext(self._meet_at_the_end)
        with self.app.app_context():
            self.pool = self.app.extensions["sqlalchemy"].engine.pool
        event.listen(Session, "do_orm_execute", self._note_session)

    def close(self):
        event.remove(Session, "do_orm_execute", self._note_session)

    def _note_error(self, sender, exception, **extra):
        self._errors.first = self._errors.first or exception

    def _note_session(self, state):
        # A number kept by the session itself: an id() could be used twice.
        info = state.session.info
        if "number" not in info:
            info["number"] = next(self._numbers)
        if info["number"] not in self.sessions:
            self.sessions.append(info["number"])
        if self.turn is not None and "has_turn" not in g:
            # Both requests hold their session now; go on one after the other.
            g.has_turn = False
            self.turn.meet()
            self.turn.lock.acquire()
            g.has_turn = True

    def _begin(self):
        if self.before is not None:
            self.before()

    def _end_turn(self, error):
        if g.pop("has_turn", False):
            self.turn.lock.release()

    def _meet_at_the_end(self, error):
        if self.end is not None:
            self.end.meet()

    def at_once(self, *requests, end=None, others=()):
        """Send two requests that hold their sessions at the same time.

        :param requests: functions without arguments.
        :param end: where their contexts end together, a ``Turn``.
        :param others: points on the way where they meet, and then go on at once
            instead of one after the other.
        :return: for each what it returned or the exception that it raised.
        """
        self.turn, self.end = Turn(alone=not others), end
        points = [self.turn, *others, *([end] if end else [])]
        answers = [None] * len(requests)

        def send(number, request):
            try:
                answers[number] = request()
            except Exception as error:
                answers[number] = error
            finally:
                for point in points:
                    point.leave()

        threads = [
            threading.Thread(target=send, args=pair) for pair in enumerate(requests)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.turn = self.end = None
        return answers

    @contextmanager
    def elsewhere(self):
        """A session of another process: its own engine and connection."""
        engine = create_engine(self.url, poolclass=NullPool)
        with Session(engine, info={"number": -1}) as session:
            yield session
        self.sessions = [number for number in self.sessions if number >= 0]

    @contextmanager
    def without_collection(self):
        """Keep what a session too old still holds from being freed by chance."""
        gc.disable()
        try:
            yield
        finally:
            gc.enable()

    def send(self, method, path, client=None, follow_redirects=True, **kwargs):
        """Send a request, return the text of the answer.

        :raises Failure: for an exception in the application or an error status.
        """
        self._errors.first = None
        response = (client or self.client).open(
            path, method=method, follow_redirects=follow_redirects, **kwargs
        )
        if self._errors.first is not None:
            raise Failure(describe(self._errors.first))
        require(response.status_code < 400, f"{method} {path}: {response.status}")
        return response.text

    def get(self, path, **query):
        return self.send("GET", path, query_string=query)

    def rows(self, path, **query):
        """The text of each row of a list page."""
        page = BeautifulSoup(self.get(path, **query), "html.parser")
        found = [
            re.sub(r"\s+", " ", row.get_text(" ")).strip()
            for row in page.select("table.model-list tr:has(td)")
        ]
        return [row for row in found if "There are no items" not in row]

    def filter(self, path, group, operation):
        """The name of the query argument of a filter, as the page's script reads it."""
        page = BeautifulSoup(self.get(path), "html.parser")
        groups = json.loads(page.select_one("#filter-groups-data").get_text())
        for option in groups[group]:
            if option["operation"] == operation:
                return f"flt0_{option['arg']}"

    def token(self, path):
        page = BeautifulSoup(self.get(path), "html.parser")
        field = page.select_one("[name=csrf_token]")
        return field["value"]

    def signed(self, page, **data):
        """Data to post, with the token that a page shows."""
        return {"csrf_token": self.token(page)} | data

    def delete(self, path, id):
        """Press the bin of a row in the list at ``path``."""
        return self.send("POST", f"{path}delete/", data=self.signed(path, id=id))

    def action(self, path, name, ids):
        """Choose an action for the selected rows of a list."""
        data = self.signed(path, action=name, rowid=list(ids))
        return self.send("POST", f"{path}action/", data=data)

    def update(self, path, pk, **values):
        """Edit a cell of a list in place."""
        data = self.signed(path, list_form_pk=pk, **values)
        return self.send("POST", f"{path}ajax/update/", data=data)

    def submit(self, path, changes, **query):
        """Fill in the form on a page as a browser would, and post it."""
        page = BeautifulSoup(self.get(path, **query), "html.parser")
        form = page.select_one("form.admin-form")
        data = {}
        for field in form.select("input[name], textarea[name], select[name]"):
            if field.name == "select":
                chosen = field.select("option[selected]")
                if not field.has_attr("multiple") and not chosen:
                    chosen = field.select("option")[:1]
                data[field["name"]] = [option["value"] for option in chosen]
            elif field.name == "textarea":
                data[field["name"]] = field.get_text().strip()
            elif field.get("type") not in ("submit", "checkbox"):
                data[field["name"]] = field.get("value", "")
        return self.send("POST", path, query_string=query, data=data | changes)


def alerts(text):
    """The messages that the admin flashed on a page."""
    page = BeautifulSoup(text, "html.parser")
    return " ".join(
        re.sub(r"\s+", " ", alert.get_text(" "))
        .replace("\N{MULTIPLICATION SIGN}", "")
        .strip()
        for alert in page.select(".alert")
    )


class Turn:
    """A point that two requests reach together, to go on one after the other.

    :param alone: whether the one that goes on holds the other one up.
    """

    def __init__(self, alone=True):
        self.lock = threading.Lock() if alone else threading.Semaphore(2)
        self._barrier = threading.Barrier(2)
        self._met = set()

    def meet(self):
        """Wait for the other request.

        :raises threading.BrokenBarrierError: when it ended before it came here.
        """
        self._barrier.wait(timeout=10)
        self._met.add(threading.get_ident())

    def leave(self):
        """Let nobody wait for a request that is over."""
        if threading.get_ident() not in self._met:
            self._barrier.abort()


def lookup(surface, **query):
    return json.loads(surface.get("/admin/post/ajax/lookup/", **query))
