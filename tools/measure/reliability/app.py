"""The application under load: an approach, and what it says of itself.

gunicorn takes its ``create_app()``; as a program this module serves it on a thread for
each connection. Both read ``SETTINGS`` in the environment.
"""

import gc
import json
import os
import sys
from functools import wraps
from itertools import count

import psutil
from flask import g, got_request_exception, jsonify
from flask_admin.contrib.sqla import ModelView
from sqlalchemy import event
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from tools.measure.compatibility import factory
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
    create = factory(given["approach"])
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
            out=app.extensions["sqlalchemy"].engine.pool.checkedout(),
            # By type: a proxy says that it is what it stands for.
            sessions=sum(issubclass(type(each), Session) for each in gc.get_objects()),
            memory=psutil.Process().memory_info().rss,
        )

    return app


if __name__ == "__main__":
    # Connections are kept open, as gunicorn does.
    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    WSGIRequestHandler.log = lambda *message: None
    make_server("", 0, create_app(), threaded=True, fd=int(sys.argv[1])).serve_forever()
