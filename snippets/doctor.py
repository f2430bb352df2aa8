"""Examine your own installation, and your own admin.

.. testcode::

    from contextlib import redirect_stdout
    from io import StringIO

    from snippets.doctor import main

    with redirect_stdout(StringIO()):
        code = main(["--app", "snippets.workarounds.lazy_session:create_app"])
    print(code)

.. testoutput::

    0
"""

import argparse
import html
import json
import re
import sys
from importlib import metadata
from pathlib import Path

from flask import has_app_context
from flask.cli import NoAppException, ScriptInfo
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.orm import Session

from snippets.request_scoping import Probe

ROOT = Path(__file__).parent.parent
NAMES = ["Flask-Admin", "Flask-SQLAlchemy-Lite", "Flask-SQLAlchemy"]


def installed(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


# region installation
def examine_installation():
    """Print what is installed and what works there.

    :return: whether any approach with the installed extension works.
    """
    found = {name: installed(name) for name in NAMES}
    print(", ".join(f"{name} {v or 'is not installed'}" for name, v in found.items()))
    release, lite, full = found.values()
    if not release or not (lite or full):
        print("Install flask-admin and flask-sqlalchemy-lite or flask-sqlalchemy.")
        return False
    results = json.loads((ROOT / "data/results/compatibility.json").read_text("utf-8"))
    known = {"flask-admin": release}, [n.lower() for n, v in found.items() if not v]
    for record in results["environments"]:
        if (record["varies"], record["without"]) == known:
            break
    else:
        print("Nobody has measured this release. See: nox -s measure -- compatibility")
        return False
    surface = {c["name"] for c in results["checks"] if c["group"] == "surface"}
    works, failed = False, set()
    for name, cell in record["approaches"].items():
        faults = cell.get("failed", {})
        if surface & faults.keys():
            failed |= {results["messages"][key] for key in faults.values()}
            continue
        works, approach = True, results["approaches"][name]
        limits = f", but not: {', '.join(faults)}" if faults else ""
        warned = ", with a warning" if "deprecated" in cell else ""
        title = approach["title"].replace("`", "")
        print(f"works: {title}{warned}{limits} (docs/{approach['page']}.md)")
    if not works:
        print("Nothing works here:", *sorted(failed), sep="\n  ")
        if lite and not full:
            print("Install flask-sqlalchemy too; you need not use it.")
    return works


# endregion installation


# region application
def refuse_to_write(connection, cursor, statement, parameters, context, executemany):
    if not re.match(
        r"\s*(SELECT|WITH|PRAGMA|SHOW|EXPLAIN)\b", statement, re.IGNORECASE
    ):
        raise RuntimeError("the doctor does not write to your database")


def sessions_held(view):
    """What in a view keeps a session: itself, an ajax loader or a validator."""
    if isinstance(view.session, Session):
        yield "the view holds a session"
    for name, loader in view._form_ajax_refs.items():
        if isinstance(getattr(loader, "session", None), Session):
            yield f"the ajax loader of the field {name!r} holds a session"
    for form in view._create_form_class, view._edit_form_class:
        for name in dir(form):
            options = getattr(getattr(form, name), "kwargs", None) or {}
            for validator in options.get("validators") or []:
                if isinstance(getattr(validator, "db_session", None), Session):
                    yield f"a validator of the field {name!r} holds a session"


def examine_application(app):
    """Open the pages of each model view, and print what is wrong with it.

    Starting the application does what it always does. After that only GET requests
    are sent, and a statement that is not a query is refused.

    :return: whether nothing was found.
    """
    from flask_admin.contrib.sqla import ModelView

    if not {"admin", "sqlalchemy"} <= app.extensions.keys():
        print("Your application has no Admin, or neither of the two extensions.")
        return False
    if has_app_context():
        print("An application context was pushed and not popped: requests share it.")
        return False
    views = [
        view
        for admin in app.extensions["admin"]
        for view in admin._views
        if isinstance(view, ModelView)
    ]
    print(f"{len(views)} model views; nothing is written to your database")
    client, healthy, seen = app.test_client(), True, set()
    event.listen(Engine, "before_cursor_execute", refuse_to_write)
    try:
        with Probe(app) as probe:
            if not hasattr(probe.pool, "checkedout"):
                print(f"{type(probe.pool).__name__} does not count its connections.")
                return False
            for view in views:
                faults = list(dict.fromkeys(sessions_held(view)))
                for status, line, used, kept in visit(view, client, probe):
                    if status != 200:
                        faults.append(f"{line}: status {status}, not examined")
                    if kept:
                        many = "connection" if kept == 1 else "connections"
                        faults.append(f"{line}: {kept} {many} kept")
                    if seen & set(used):
                        faults.append(
                            f"{line}: the session of an earlier request, stale reads"
                        )
                    seen |= set(used)
                print(f"{view.name}: {'; '.join(faults) or 'no fault found'}")
                healthy = healthy and not faults
    finally:
        event.remove(Engine, "before_cursor_execute", refuse_to_write)
    return healthy


def visit(view, client, probe):
    """Request the list of a view, then a form and the first row's pages."""
    paths = [f"{view.url}/"]
    if view.can_create:
        paths.append(f"{view.url}/new/")
    for path in paths:
        answer = client.get(path)
        yield (answer.status_code, *probe.requests[-1])
        for page in "details", "edit":
            link = re.search(rf'href="([^"]+/{page}/\?id=[^"]+)"', answer.text)
            if link and path == paths[0]:
                paths.append(html.unescape(link[1]))


# endregion application


def main(arguments=None):
    """Run the doctor; return 0 if it found nothing, else 1."""
    parser = argparse.ArgumentParser(prog="python -m snippets.doctor")
    parser.add_argument("--app", help="package:create_app, as flask --app takes it")
    options = parser.parse_args(arguments)
    healthy = examine_installation()
    if options.app and healthy:
        try:
            app = ScriptInfo(app_import_path=options.app).load_app()
        except NoAppException as error:
            parser.error(str(error).strip().splitlines()[-1])
        except Exception as error:
            said = str(error).strip().splitlines() or [""]
            print(f"Your application cannot be made: {type(error).__name__}: {said[0]}")
            return 1
        healthy = examine_application(app)
    return 0 if healthy else 1


if __name__ == "__main__":
    sys.exit(main())
