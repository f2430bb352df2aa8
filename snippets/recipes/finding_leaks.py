"""Let a test fail at the request that does not give its connection back.

.. testcode::

    from tempfile import TemporaryDirectory

    from snippets.recipes.finding_leaks import create_app, no_leaks

    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/guide.db"
        app = create_app({"SQLALCHEMY_ENGINES": {"default": url}})
        client = app.test_client()
        try:
            with no_leaks(app):
                client.get("/admin/user/")
                client.get("/admin/report/")
                client.get("/admin/user/")
        except AssertionError as error:
            print(error)

.. testoutput::

    leaking: GET /admin/report/
    GET /admin/user/: session 1, 0 connections kept
    GET /admin/report/: session 2, 1 connections kept
    GET /admin/user/: session 3, 1 connections kept
"""

import gc
from contextlib import contextmanager

from flask import Flask
from flask_admin import Admin, BaseView, expose
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import User, create_tables
from snippets.request_scoping import Probe
from snippets.views import SecureView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


class UserView(SecureView):
    form_columns = ["name", "email"]


# region leak
class ReportView(BaseView):
    @expose("/")
    def index(self):
        # The leak: a session that nobody closes.
        session = db.sessionmaker()
        return f"{session.query(User).count()} users"


# endregion leak


# region recipe
@contextmanager
def no_leaks(app):
    """Watch the requests of a test, sent one after the other.

    :param app: the Flask application under test, with a database in a file.
    :raises AssertionError: naming each request that kept a connection.
    """
    # The garbage collector would return a lost connection, at some time or other.
    gc.disable()
    try:
        with Probe(app) as probe:
            yield
    finally:
        gc.enable()
    leaking, before = [], 0
    for line, _, kept in probe.requests:
        if kept > before:
            leaking.append(line)
        before = kept
    if leaking:
        raise AssertionError(f"leaking: {', '.join(leaking)}\n{probe}")


# endregion recipe


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    admin = Admin(app)
    admin.add_view(UserView(User, LazySession(db)))
    admin.add_view(ReportView(name="Report", endpoint="report"))
    return app
