"""Questions to the statements of the investigation, each answered by a run.

Every function returns whether its statement is true on the releases installed here.

.. testcode::

    from snippets import findings

    print(findings.lite_session_is_a_session())
    print(findings.lite_has_fewer_dependencies())

.. testoutput::

    True
    False
"""

import inspect
import threading
import traceback
import warnings
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import flask_sqlalchemy
import flask_sqlalchemy_lite
from flask import Flask, g
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from sqlalchemy.orm import Session, scoped_session

from snippets import comparison
from snippets.comparison import FULL, LITE, answer
from snippets.models import User, create_tables
from snippets.published.lazy_session import LazySessionWrapper
from snippets.request_scoping import Probe
from snippets.session_reads import reads
from snippets.views import VIEWS

OUTSIDE = "RuntimeError: Working outside of application context."


# region help
@contextmanager
def app_with(library):
    """An application with a database file, and the ``db`` of one library."""
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/test.db"
        app = Flask(__name__)
        app.config["SQLALCHEMY_ENGINES"] = {"default": url}
        app.config["SQLALCHEMY_DATABASE_URI"] = url
        db = library.SQLAlchemy(app)
        yield app, db
        with app.app_context():
            db.engine.dispose()


def raises(call):
    """What a call raises, its first line, or nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]


@contextmanager
def admin_of(approach):
    """An application whose admin shows the models of this guide by one approach.

    :param approach: ``module:function`` under ``snippets``: a function that adds
        views, in a module with ``db``.
    """
    name, function = approach.split(":")
    module = import_module(f"snippets.{name}")
    add_views = getattr(module, function)
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        url = f"sqlite:///{folder}/test.db"
        app = Flask(__name__)
        app.config.from_object("snippets.settings")
        app.config["SQLALCHEMY_ENGINES"] = {"default": url}
        app.config["SQLALCHEMY_DATABASE_URI"] = url
        module.db.init_app(app)
        with app.app_context():
            create_tables(module.db)
            engine = module.db.engine
        try:
            takes_app = "app" in inspect.signature(add_views).parameters
            add_views(Admin(app), VIEWS, **({"app": app} if takes_app else {}))
            yield app
        finally:
            engine.dispose()


def visit(approach, *paths):
    """Send requests to an application; return the probe's lines."""
    with admin_of(approach) as app, Probe(app) as probe:
        statuses = [app.test_client().get(path).status_code for path in paths]
    lines = str(probe).splitlines()
    return [f"{status} {line}" for status, line in zip(statuses, lines, strict=True)]


def opens(approach, *paths):
    """Whether an application can be made and answers every path with 200."""
    try:
        lines = visit(approach, *paths)
    except Exception:
        return False
    return all(line.startswith("200") for line in lines)


PAGES = ["/admin/user/", "/admin/user/new/", "/admin/post/edit/?id=1"]
# endregion help


# region sessions
def full_session_is_a_scoped_session():
    return answer(comparison.session_type, FULL) == "scoped_session"


def lite_session_is_a_session():
    return answer(comparison.session_type, LITE) == "Session"


def full_session_needs_no_context():
    return answer(comparison.session_outside_context, FULL) == "the scoped_session"


def lite_session_needs_a_context():
    return answer(comparison.session_outside_context, LITE) == OUTSIDE


def full_session_lives_in_a_registry():
    return answer(comparison.where_the_session_lives, FULL) == "ScopedRegistry"


def lite_session_lives_on_g():
    return answer(comparison.where_the_session_lives, LITE) == "g"


def lite_session_property_holds_the_quoted_line():
    getter = flask_sqlalchemy_lite.SQLAlchemy.session.fget
    return "_sqlalchemy_sessions" in inspect.getsource(getter)


def full_proxy_can_be_stored_and_called_later():
    with app_with(flask_sqlalchemy) as (app, db):
        stored = db.session
        with app.app_context():
            return isinstance(stored, scoped_session) and isinstance(stored(), Session)


def full_proxy_finds_the_session_of_each_context():
    with app_with(flask_sqlalchemy) as (app, db):
        stored, found = db.session, []
        for _ in range(2):
            with app.app_context():
                found.append(stored())
        return found[0] is not found[1]


def lite_sessions_are_closed_by_the_teardown():
    return answer(comparison.teardown, LITE) == "1, then 0"


# endregion sessions


# region views
def full_view_of_session_works():
    return opens("workarounds.flask_sqlalchemy:add_views_by_session", *PAGES)


def lite_view_of_session_fails():
    return not opens("problem:add_session", *PAGES)


def lite_view_of_session_raises_the_quoted_error():
    with app_with(flask_sqlalchemy_lite) as (_, db):
        return raises(lambda: ModelView(User, db.session)) == OUTSIDE


def the_error_comes_from_inside_modelview():
    with app_with(flask_sqlalchemy_lite) as (_, db):
        try:
            ModelView(User, db.session)
        except RuntimeError as error:
            frames = traceback.extract_tb(error.__traceback__)
            return any("flask_admin" in Path(frame.filename).parts for frame in frames)


def lite_needs_a_workaround():
    """True as long as handing over ``db`` in a context leaks or fails."""
    lines = "workarounds.app_context:add_views", *PAGES, "/admin/user/"
    return not opens(*lines) or unique_validator_keeps_a_connection()


def unique_validator_keeps_a_connection():
    with admin_of("workarounds.app_context:add_views") as app:
        client = app.test_client()
        page = client.get("/admin/tag/new/").text
        token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
        client.post("/admin/tag/new/", data={"csrf_token": token, "name": "history"})
        with app.app_context():
            pool = app.extensions["sqlalchemy"].engine.pool
        return pool.checkedout() > 0


def lite_session_is_per_request_if_looked_up_late():
    lines = visit("workarounds.lazy_session:add_views", *["/admin/user/"] * 2)
    return "session 1," in lines[0] and "session 2," in lines[1]


def lite_session_cannot_live_as_long_as_the_application():
    """False where views that were handed ``db.session`` in a context share one."""
    try:
        lines = visit("problem:add_session_in_context", *["/admin/user/"] * 2)
    except TypeError:
        return True
    return "session 2," in lines[1]


def full_session_is_per_request():
    approach = "workarounds.flask_sqlalchemy:add_views_by_session"
    lines = visit(approach, *["/admin/user/"] * 2)
    return "session 1," in lines[0] and "session 2," in lines[1]


# endregion views


# region workarounds
def published_scoped_session_works_as_printed():
    return opens("published.scoped_session:add_views", *PAGES)


def published_scope_is_the_thread():
    session, found = scoped_session(Session, scopefunc=lambda: None), []
    threads = [threading.Thread(target=lambda: found.append(session())) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found[0] is not found[1]


def published_scoped_session_is_not_on_g():
    with app_with(flask_sqlalchemy_lite) as (app, db), app.app_context():
        scoped_session(db.sessionmaker, scopefunc=lambda: None)()
        return "_sqlalchemy_sessions" not in g


def published_scoped_session_is_not_cleaned_up():
    approach = "published.scoped_session:add_views_in_context"
    return visit(approach, "/admin/user/")[0].endswith("1 connections kept")


def published_function_works():
    return opens("published.session_factory:add_views", *PAGES)


def published_function_fails():
    return not published_function_works()


def published_function_returns_the_session_of_the_context():
    from snippets.published.session_factory import get_session

    with app_with(flask_sqlalchemy_lite) as (app, db), app.app_context():
        return get_session() is db.session


def published_dummy_session_satisfies_the_parent():
    from snippets.published.custom_modelview import LiteModelView

    with app_with(flask_sqlalchemy_lite) as (_, db):
        return raises(lambda: LiteModelView(User, db)) is None


def published_custom_modelview_is_refused():
    return not published_dummy_session_satisfies_the_parent()


def published_custom_modelview_works():
    return opens("published.custom_modelview:add_views", *PAGES)


def custom_modelview_overrides_several_methods():
    return sum("ModelView." in where for where, _ in reads()) > 1


def published_wrapper_needs_no_context_to_be_made():
    with app_with(flask_sqlalchemy_lite) as (_, db):
        return raises(lambda: LazySessionWrapper(db)) is None


def published_wrapper_can_be_handed_to_a_view():
    with app_with(flask_sqlalchemy_lite) as (_, db):
        return raises(lambda: ModelView(User, LazySessionWrapper(db))) is None


def published_wrapper_passes_on_every_session_method():
    public = {name for name in dir(Session) if not name.startswith("_")}
    return public <= set(dir(LazySessionWrapper))


def published_wrapper_works():
    return opens("published.lazy_session:add_views", *PAGES)


def published_wrapper_keeps_lites_session_management():
    with app_with(flask_sqlalchemy_lite) as (app, db), app.app_context():
        return LazySessionWrapper(db)() is db.session


# endregion workarounds


# region trade
def lite_has_fewer_dependencies():
    return answer(comparison.distributions, LITE) < answer(
        comparison.distributions, FULL
    )


def lite_has_less_code():
    return answer(comparison.lines_of_code, LITE) < answer(
        comparison.lines_of_code, FULL
    )


def lite_has_asynchronous_sessions():
    return answer(comparison.asynchronous, LITE) == "yes"


def lite_leaves_models_and_queries_to_sqlalchemy():
    hidden = {"Model", "Table", "select", "paginate", "create_all"}
    lite, full = flask_sqlalchemy_lite.SQLAlchemy, flask_sqlalchemy.SQLAlchemy
    return not any(hasattr(lite, name) for name in hidden) and hasattr(full, "paginate")


# endregion trade
