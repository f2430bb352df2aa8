"""Ask an application how many sessions and connections its requests use.

.. testcode::

    from tempfile import TemporaryDirectory

    from snippets.request_scoping import Probe
    from snippets.workarounds.lazy_session import create_app

    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/guide.db"
        app = create_app({"SQLALCHEMY_ENGINES": {"default": url}})
        with Probe(app) as probe:
            app.test_client().get("/admin/user/")
            app.test_client().get("/admin/user/")
        print(probe)

.. testoutput::

    GET /admin/user/: session 1, 0 connections kept
    GET /admin/user/: session 2, 0 connections kept
"""

from contextvars import ContextVar
from itertools import count
from weakref import WeakKeyDictionary

from sqlalchemy import event
from sqlalchemy.orm import Session


# region probe
class Probe:
    """Note for each request which sessions it used and what it kept.

    Put ``with Probe(app) as probe:`` around the requests, and print it after them.

    :param app: a Flask application with either of the two extensions, whose engine
        has a connection pool that counts (SQLite in memory has none).
    """

    def __init__(self, app):
        self.requests = []
        self.numbers, self.known = count(1), WeakKeyDictionary()
        self.used = ContextVar("used", default=None)
        with app.app_context():
            self.pool = app.extensions["sqlalchemy"].engine.pool
        self.app, self.wsgi_app = app, app.wsgi_app

    def __enter__(self):
        self.app.wsgi_app = self
        event.listen(Session, "do_orm_execute", self.note)
        return self

    def __exit__(self, *exception):
        self.app.wsgi_app = self.wsgi_app
        event.remove(Session, "do_orm_execute", self.note)

    def note(self, state):
        # Not by id(): Python uses the one of a dead session again.
        if state.session not in self.known:
            self.known[state.session] = next(self.numbers)
        if (used := self.used.get()) is not None:
            used.setdefault(self.known[state.session])

    def __call__(self, environ, start_response):
        self.used.set(used := {})
        body = self.wsgi_app(environ, start_response)
        line = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        self.requests.append((line, list(used), self.pool.checkedout()))
        return body

    def __str__(self):
        return "\n".join(
            f"{line}: session {', '.join(map(str, used)) or 'none'}, "
            f"{kept} connections kept"
            for line, used, kept in self.requests
        )


# endregion probe
