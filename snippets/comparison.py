"""Ask Flask-SQLAlchemy-Lite and Flask-SQLAlchemy the same questions.

.. testcode::

    from snippets.comparison import LITE, FULL, answer, session_type

    print(answer(session_type, LITE), answer(session_type, FULL))

.. testoutput::

    Session scoped_session
"""

import csv
import sys
import threading
import warnings
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

import flask_sqlalchemy
import flask_sqlalchemy_lite
from flask import Flask, g
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from packaging.requirements import Requirement
from sqlalchemy import text

from snippets.models import User

LITE, FULL = "Flask-SQLAlchemy-Lite", "Flask-SQLAlchemy"


# region answer
def answer(question, library):
    """Ask a question about one library, in an application of its own.

    :return: the answer, or the exception that came instead.
    """
    with TemporaryDirectory() as folder:
        one, two = f"sqlite:///{folder}/one.db", f"sqlite:///{folder}/two.db"
        app = Flask(__name__)
        app.config["SQLALCHEMY_ENGINES"] = {"default": one, "two": two}
        app.config["SQLALCHEMY_DATABASE_URI"] = one
        app.config["SQLALCHEMY_BINDS"] = {"two": two}
        module = flask_sqlalchemy_lite if library == LITE else flask_sqlalchemy
        db = module.SQLAlchemy(app)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                found = question(app, db)
        except Exception as error:
            return f"{type(error).__name__}: {error}".splitlines()[0]
        finally:
            with app.app_context():
                for engine in db.engines.values():
                    engine.dispose()
        return (
            f"{caught[0].category.__name__}: {caught[0].message}" if caught else found
        )


# endregion answer


# region session
def session_type(app, db):
    """Type of `db.session`"""
    with app.app_context():
        return type(db.session).__name__


def session_outside_context(app, db):
    """`db.session` outside of an application context"""
    return f"the {type(db.session).__name__}"


def where_the_session_lives(app, db):
    """What the session is kept on"""
    with app.app_context():
        db.session.execute(text("SELECT 1"))
        return (
            "g" if "_sqlalchemy_sessions" in g else type(db.session.registry).__name__
        )


# endregion session


# region views
def view_of_session(app, db):
    """`ModelView(User, db.session)` outside of a context"""
    ModelView(User, db.session)
    return "no error"


def view_of_session_in_context(app, db):
    """`ModelView(User, db.session)` inside a context"""
    with app.app_context():
        return view_of_session(app, db)


def view_of_db(app, db):
    """`ModelView(User, db)` outside of a context"""
    ModelView(User, db)
    return "no error"


def view_of_db_in_context(app, db):
    """`ModelView(User, db)` inside a context, then its list page"""
    with app.app_context():
        User.metadata.create_all(db.engine)
        view = ModelView(User, db)
    Admin(app).add_view(view)
    return app.test_client().get("/admin/user/").status


# endregion views


# region scope
def sharing_between_threads(app, db):
    """Two requests at the same time"""
    both_are_open = threading.Barrier(2)
    sessions = []

    def visit():
        with app.app_context():
            db.session.execute(text("SELECT 1"))
            session = db.session if library_of(db) == LITE else db.session()
            sessions.append(session)
            both_are_open.wait(timeout=10)

    threads = [threading.Thread(target=visit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return "one session" if sessions[0] is sessions[1] else "two sessions"


def teardown(app, db):
    """Connections checked out in a context, and after it"""
    with app.app_context():
        db.session.execute(text("SELECT 1"))
        pool = db.engine.pool
        during = pool.checkedout()
    return f"{during}, then {pool.checkedout()}"


# endregion scope


# region size
def library_of(db):
    return LITE if type(db).__module__.startswith("flask_sqlalchemy_lite") else FULL


def distributions(app, db):
    """Installed distributions, with all it depends on"""
    found, wanted = set(), [(library_of(db), "")]
    while wanted:
        name, extra = wanted.pop()
        requires = metadata.requires(name) or []
        for requirement in map(Requirement, requires):
            marker = requirement.marker
            if marker is None or marker.evaluate({"extra": extra}):
                for wish in {"", *requirement.extras}:
                    if (requirement.name, wish) not in found:
                        found.add((requirement.name, wish))
                        wanted.append((requirement.name, wish))
    return len({name.lower().replace("_", "-") for name, _ in found}) + 1


def lines_of_code(app, db):
    """Lines of Python that are not blank"""
    folder = Path(sys.modules[type(db).__module__].__file__).parent
    return sum(
        bool(line.strip())
        for path in folder.rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
    )


# endregion size


# region features
def asynchronous(app, db):
    """Asynchronous session"""
    return "yes" if hasattr(type(db), "async_session") else "no"


def engines(app, db):
    """Names of two engines"""
    with app.app_context():
        return ", ".join(map(str, db.engines))


# endregion features

QUESTIONS = [
    session_type,
    session_outside_context,
    where_the_session_lives,
    view_of_session,
    view_of_session_in_context,
    view_of_db,
    view_of_db_in_context,
    sharing_between_threads,
    teardown,
    distributions,
    lines_of_code,
    asynchronous,
    engines,
]


def main():
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["Question", LITE, FULL])
    for question in QUESTIONS:
        row = [answer(question, LITE), answer(question, FULL)]
        table.writerow([question.__doc__, *row])


if __name__ == "__main__":
    main()
