"""The application under load: an approach, and what it says of itself.

gunicorn takes its ``create_app()``, uvicorn one of the functions that mount it. As a
program this module serves it with waitress, or on a thread for each connection. All
read ``SETTINGS`` in the environment.
"""

import gc
import json
import os
import socket
import sys
import threading
from functools import wraps
from itertools import count

import psutil
from flask import g, got_request_exception, has_app_context, jsonify, request
from flask_admin.contrib.sqla import ModelView
from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from tools.measure import approaches, contract
from tools.measure.surface import configuration


def delete_by_number(setattr=setattr):
    """Give all views a bulk delete that PostgreSQL takes with psycopg 3."""
    original = ModelView.action_delete

    @wraps(original)
    def action_delete(self, ids):
        return original(self, [int(number) for number in ids])

    setattr(ModelView, "action_delete", action_delete)


def create_app():
    """An approach whose answers name the session they used and the error they hit."""
    given = json.loads(os.environ["SETTINGS"])
    delete_by_number()
    create = contract.factory(approaches.load(given["wiring"]))
    app = create(configuration(given["url"], **given["options"]))
    app.logger.disabled = True
    numbers = count()

    @event.listens_for(Session, "do_orm_execute")
    def note_session(state):
        # A number kept by the session itself: an id() could be used twice.
        number = state.session.info.setdefault("number", next(numbers))
        g.setdefault("sessions", set()).add(f"{os.getpid()}-{number}")

    def note_error(sender, exception, **extra):
        g.error = type(exception).__name__

    got_request_exception.connect(note_error, app, weak=False)

    @app.after_request
    def tell(response):
        response.headers["X-Sessions"] = " ".join(g.get("sessions", ()))
        response.headers["X-Error"] = g.get("error", "")
        return response

    @app.get("/probe")
    def probe():
        gc.collect()
        return jsonify(
            pid=os.getpid(),
            thread=threading.get_ident(),
            out=app.extensions["sqlalchemy"].engine.pool.checkedout(),
            # By type: a proxy says that it is what it stands for.
            sessions=sum(issubclass(type(each), Session) for each in gc.get_objects()),
            memory=psutil.Process().memory_info().rss,
        )

    if given.get("meeting"):
        overlap(app, given["meeting"])
    return app


def overlap(app, port):
    """Hold up each request that names a meeting until the other one is there too.

    They meet in their transactions and at the end of their contexts.
    """

    def meet():
        # Whatever serves the two, threads, greenlets or processes.
        with socket.create_connection(("127.0.0.1", port), timeout=15) as place:
            place.sendall(g.meeting.encode())
            place.recv(1)

    @app.before_request
    def note():
        g.meeting = request.headers.get("X-Meeting")

    @event.listens_for(Engine, "after_cursor_execute")
    def in_a_transaction(*about):
        if has_app_context() and g.get("meeting") and "met" not in g:
            g.met = True
            meet()

    # The last one that is registered runs first.
    @app.teardown_appcontext
    def at_the_end(error):
        if g.get("meeting"):
            meet()


def with_a2wsgi():
    from a2wsgi import WSGIMiddleware

    return WSGIMiddleware(create_app())


def with_asgiref():
    from asgiref.wsgi import WsgiToAsgi

    return WsgiToAsgi(create_app())


def bare():
    """asgiref's adapter around an application of three lines."""
    from asgiref.wsgi import WsgiToAsgi

    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    return WsgiToAsgi(application)


if __name__ == "__main__":
    program, number = sys.argv[1], int(sys.argv[2])
    if program == "waitress":
        import waitress

        waitress.serve(create_app(), sockets=[socket.socket(fileno=number)])
    else:
        from werkzeug.serving import WSGIRequestHandler, make_server

        # Connections are kept open, as gunicorn does.
        WSGIRequestHandler.protocol_version = "HTTP/1.1"
        WSGIRequestHandler.log = lambda *message: None
        make_server("", 0, create_app(), threaded=True, fd=number).serve_forever()
