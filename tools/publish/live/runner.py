"""Run an application of snippets/ in the page: worker.js calls start and handle."""

import importlib
import json
import linecache
import shutil
import sys
import time
import traceback
from contextlib import ExitStack
from pathlib import Path
from types import ModuleType

SITE = Path(__file__).parent
running = {}


def stand_in(name, **content):
    """Replace a package that a browser cannot run."""
    parent, _, child = name.rpartition(".")
    module = sys.modules[name] = ModuleType(name)
    vars(module).update(content)
    if parent:
        setattr(sys.modules[parent], child, module)


def async_to_sync(function):
    """Lite closes async sessions at the end of a context: none are open here."""

    def call(*args, **kwargs):
        try:
            function(*args, **kwargs).send(None)
        except StopIteration as end:
            return end.value
        raise RuntimeError("this code waits for an event loop, which needs a thread")

    return call


stand_in("greenlet", greenlet=object, getcurrent=lambda: None)
stand_in("asgiref")
stand_in("asgiref.sync", async_to_sync=async_to_sync)

# After the stand-ins, and before the reader's first request.
import flask_admin.contrib.sqla  # noqa: E402, F401
import flask_sqlalchemy_lite  # noqa: E402, F401
from flask import got_request_exception  # noqa: E402
from werkzeug.test import Client  # noqa: E402


def source(module):
    return place(module).read_text("utf-8")


def place(module):
    return SITE / "snippets" / f"{module.replace('.', '/')}.py"


def start(module, text, factory, origin):
    """Make the application anew from an edited module.

    :param origin: the address of its root, whose path becomes the ``SCRIPT_NAME``.
    :return: JSON of the path of the first list, or of the traceback.
    """
    if "exit" in running:
        running.pop("exit").close()
    running.clear()
    shutil.rmtree(SITE / "instance", ignore_errors=True)
    for name in list(sys.modules):
        if name.partition(".")[0] == "snippets":
            del sys.modules[name]
    place(module).write_text(text, "utf-8")
    importlib.invalidate_caches()
    linecache.checkcache()
    try:
        app = getattr(importlib.import_module(f"snippets.{module}"), factory)()
    # Whatever the reader's code raises is what the page shows.
    except BaseException as error:
        return json.dumps({"error": describe(error)})
    running.update(client=Client(app), origin=origin, errors=[], exit=ExitStack())
    got_request_exception.connect(note_error, app)
    running["probe"] = probe(app)
    rules = [rule for rule in app.url_map.iter_rules() if not rule.arguments]
    lists = [rule.rule for rule in rules if rule.endpoint.endswith(".index_view")]
    return json.dumps({"path": [*lists, "/"][0]})


def probe(app):
    """Count sessions and connections, where the application has one default engine."""
    from snippets.request_scoping import Probe

    try:
        return running["exit"].enter_context(Probe(app))
    except (AttributeError, KeyError, RuntimeError):
        return None


def note_error(sender, exception, **rest):
    running["errors"].append(describe(exception))


def describe(error):
    """Its first line, and the traceback from the first line of the snippets on."""
    first = error.__traceback__
    while first and "/snippets/" not in first.tb_frame.f_code.co_filename:
        first = first.tb_next
    trace = first or (None if isinstance(error, SyntaxError) else error.__traceback__)
    title = f"{type(error).__name__}: {error}".splitlines()[0]
    return title, "".join(traceback.format_exception(type(error), error, trace))


def handle(method, path, headers, body):
    """Answer one request: JSON of its log entry and headers, and the body."""
    begin = time.perf_counter()
    response = running["client"].open(
        path,
        method=method,
        base_url=running["origin"],
        headers=json.loads(headers),
        data=body.to_bytes() if body else None,
    )
    data = response.get_data()
    entry = {
        "status": response.status_code,
        "headers": list(response.headers),
        "ms": round((time.perf_counter() - begin) * 1000),
        "errors": running["errors"][:],
    }
    running["errors"].clear()
    if running["probe"] and running["probe"].requests:
        _, entry["sessions"], entry["kept"] = running["probe"].requests.pop()
    return json.dumps(entry), data
