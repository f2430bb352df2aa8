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
                client.get("/admin/post/")
                client.get("/admin/report/")
                client.get("/admin/post/")
        except AssertionError as error:
            print(error)

.. testoutput::

    leaking: GET /admin/report/
"""

# ruff: noqa: S101

import gc
import os
import secrets
from contextlib import contextmanager
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

import pytest
from flask import Flask, has_app_context
from flask_admin import Admin, BaseView, expose
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from werkzeug.local import LocalProxy


class LazySession(LocalProxy):
    """A proxy for the session of the current application context.

    :param db: a ``flask_sqlalchemy_lite.SQLAlchemy``.
    :raises RuntimeError: when it is used outside of an application context.
        Creating it needs none.
    """

    def __init__(self, db):
        super().__init__(db.get_session)

    @property
    def session(self):
        return self

    def __call__(self):
        return self._get_current_object()

    def __getattr__(self, name):
        # Flask-Admin looks for "_action" while the views are made.
        if name.startswith("_") and not has_app_context():
            raise AttributeError(name)
        return getattr(self._get_current_object(), name)


class ProxySQLAlchemy(SQLAlchemy):
    """Flask-SQLAlchemy-Lite with a ``db.session`` that is looked up on each use."""

    @cached_property
    def session(self) -> Session:
        return cast(Session, LazySession(self))

    def init_app(self, app):
        count = len(app.teardown_appcontext_funcs)
        super().init_app(app)
        if not app.config.get("SQLALCHEMY_ASYNC_ENGINES"):
            # Lite's asynchronous teardown breaks gevent and has nothing to close.
            added = app.teardown_appcontext_funcs[count:]
            app.teardown_appcontext_funcs[count:] = [
                function for function in added if not iscoroutinefunction(function)
            ]


db = ProxySQLAlchemy()


class Base(DeclarativeBase):
    pass


class Post(Base):
    __tablename__ = "finding_leaks_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100), unique=True)


class PostView(ModelView):
    form_base_class = SecureForm
    can_view_details = True
    can_export = True
    column_searchable_list = ["title"]


# region leak
class ReportView(BaseView):
    @expose("/")
    def index(self):
        # The leak: a session that nobody closes.
        session = db.sessionmaker()
        return f"{session.query(Post).count()} posts"


# endregion leak


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping(
        # A random key ends all logins at each start: set one outside of development.
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
        SQLALCHEMY_ENGINES={
            "default": os.environ.get("DATABASE_URL", "sqlite:///guide.db")
        },
    )
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Post, 1) is None:
            db.session.add(Post(title="A first post"))
            db.session.commit()

    admin = Admin(app)
    admin.add_view(PostView(Post, db.session))
    admin.add_view(ReportView(name="Report", endpoint="report"))
    return app


# region recipe
@contextmanager
def no_leaks(app):
    """Watch the requests of a test, sent one after the other.

    :param app: the Flask application under test, with a database in a file.
    :raises AssertionError: naming each request that kept a connection.
    """
    with app.app_context():
        pool = db.engine.pool
    leaking, wsgi_app = [], app.wsgi_app

    def watch(environ, start_response):
        before = pool.checkedout()
        body = wsgi_app(environ, start_response)
        # A streamed answer takes its connection while it is read.
        answer = list(body)
        if hasattr(body, "close"):
            body.close()
        if pool.checkedout() > before:
            leaking.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
        return answer

    app.wsgi_app = watch
    # The garbage collector would return a lost connection, at some time or other.
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        app.wsgi_app = wsgi_app
    if leaking:
        raise AssertionError(f"leaking: {', '.join(leaking)}")


# endregion recipe


@pytest.fixture
def app(tmp_path):
    url = f"sqlite:///{tmp_path}/test.db"
    return create_app({"SQLALCHEMY_ENGINES": {"default": url}})


# region fixture
@pytest.fixture
def client(app):
    with no_leaks(app):
        yield app.test_client()


# endregion fixture


def test_posts(client):
    assert client.get("/admin/post/?search=first").status_code == 200


def test_the_report_leaks(app):
    found = pytest.raises(AssertionError, match="leaking: GET /admin/report/")
    with found, no_leaks(app):
        app.test_client().get("/admin/report/")
