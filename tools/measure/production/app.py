"""The application of a server: an approach whose requests wait for each other.

gunicorn takes its ``create_app()``, uvicorn one of the functions that mount it. As a
program this module serves it with waitress. All read ``SETTINGS`` in the environment.
"""

import json
import os
import socket
import sys
import threading

from flask import g, has_app_context, request
from sqlalchemy import Engine, event

from tools.measure.compatibility import APPROACHES
from tools.measure.production.serving import SECONDS
from tools.measure.reliability import app as reliability


def create_app():
    given = json.loads(os.environ["SETTINGS"])
    # One that is no approach of the guide is named by where it is.
    APPROACHES.setdefault(given["approach"], {"wiring": given["approach"]})
    app = reliability.create_app()
    app.add_url_rule("/thread", view_func=lambda: str(threading.get_ident()))
    if given["meeting"]:
        overlap(app, given["meeting"])
    return app


def overlap(app, port):
    """Hold up each request that names a meeting until the other one is there too.

    They meet in their transactions and at the end of their contexts.
    """

    def meet():
        # Whatever serves the two, threads, greenlets or processes.
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as place:
            place.sendall(g.meeting.encode())
            place.recv(1)

    @app.before_request
    def note():
        g.meeting = request.cookies.get("meeting")

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


def with_asgiref(application=None):
    from asgiref.wsgi import WsgiToAsgi

    return WsgiToAsgi(application or create_app())


def bare():
    """asgiref's adapter around an application of three lines."""

    def application(environ, start_response):
        start_response("200 OK", [("Content-Length", "0")])
        return [b""]

    return with_asgiref(application)


if __name__ == "__main__":
    import waitress

    waitress.serve(create_app(), sockets=[socket.socket(fileno=int(sys.argv[1]))])
