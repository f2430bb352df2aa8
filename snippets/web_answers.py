"""What threads and pages recommend, in this guide's own lines. Do not use it.

.. testcode::

    from tempfile import TemporaryDirectory

    from snippets.web_answers import create_app_hook, save

    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/guide.db"
        save(create_app_hook({"SQLALCHEMY_ENGINES": {"default": url}}))

.. testoutput::

    AttributeError: 'Session' object has no attribute 'remove'
    the row was saved: yes
"""

import re

from flask import Flask
from flask.globals import app_ctx
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import NullPool, create_engine, select, update
from sqlalchemy.orm import scoped_session, sessionmaker

from snippets.models import Tag, create_tables
from snippets.settings import SQLALCHEMY_DATABASE_URI
from snippets.workarounds.proxy_sqlalchemy import ProxySQLAlchemy

db = SQLAlchemy()
proxied = ProxySQLAlchemy()


# region keyed
def session_of_context(db):
    def scope():
        return id(app_ctx._get_current_object())

    return scoped_session(db.sessionmaker, scopefunc=scope)


# endregion keyed


# region keyed-views
def add_keyed(admin, views, app):
    with app.app_context():
        session = session_of_context(db)
    for view, model in views:
        admin.add_view(view(model, session))


# endregion keyed-views


def add_keyed_apart(admin, views, app):
    """The same where no context has the address of an earlier one.

    Whether one has is chance, and the contract wants one outcome.
    """
    contexts = []

    @app.teardown_appcontext
    def keep(error):
        contexts.append(app_ctx._get_current_object())

    add_keyed(admin, views, app)


# region proxy
class SessionProxy:
    def __init__(self, db):
        self.db = db

    def __getattr__(self, name):
        return getattr(self.db.session, name)


# endregion proxy


# region proxy-views
def add_proxies(admin, views, app):
    with app.app_context():
        for view, model in views:
            admin.add_view(view(model, SessionProxy(db)))


# endregion proxy-views


# region thread
def add_thread_session(admin, views, app):
    with app.app_context():
        session = scoped_session(sessionmaker(bind=db.engine))
    for view, model in views:
        admin.add_view(view(model, session))


# endregion thread


# region removed
def add_removed_session(admin, views, app):
    with app.app_context():
        session = scoped_session(sessionmaker(bind=db.engine))

    @app.teardown_appcontext
    def remove(error):
        session.remove()

    for view, model in views:
        admin.add_view(view(model, session))


# endregion removed


# region each
def add_session_for_each_view(admin, views, app):
    with app.app_context():
        for view, model in views:
            admin.add_view(view(model, db.sessionmaker()))


# endregion each


class TagView(ModelView):
    form_base_class = SecureForm
    form_columns = ["name"]


def new_app(config, db):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
    return app


def create_app_keyed(config=None):
    app = new_app(config, db)
    # region keyed-outside
    admin = Admin(app)
    admin.add_view(TagView(Tag, session_of_context(db)))
    # endregion keyed-outside
    return app


def create_app_keyed_in_context(config=None):
    app = new_app(config, db)
    add_keyed(Admin(app), [(TagView, Tag)], app)
    return app


# region hook
class RemovingView(TagView):
    def after_model_change(self, form, model, is_created):
        self.session.expire_all()
        self.session.remove()


# endregion hook


def create_app_hook(config=None):
    app = new_app(config, proxied)
    Admin(app).add_view(RemovingView(Tag, proxied.session))
    return app


def create_app_teardown(config=None):
    db, app = proxied, new_app(config, proxied)

    # region teardown
    @app.teardown_request
    def remove(error):
        db.session.expire_all()
        db.session.remove()

    # endregion teardown
    Admin(app).add_view(TagView(Tag, db.session))
    return app


def create_app_pushed(config=None):
    app = new_app(config, db)
    # region pushed
    app.app_context().push()
    admin = Admin(app)
    admin.add_view(TagView(Tag, db))
    # endregion pushed
    return app


def attempt(function, *arguments, **options):
    """What a request answers, or the exception that it ends with."""
    try:
        return function(*arguments, **options).status
    except Exception as error:
        return f"{type(error).__name__}: {error}".splitlines()[0]


def elsewhere(app):
    """The database as another process sees it."""
    url = app.config["SQLALCHEMY_ENGINES"]["default"]
    return create_engine(url, poolclass=NullPool)


def exhaust(create_app):
    """Show the list until a request fails, a thousand times at most."""
    engine = {"url": SQLALCHEMY_DATABASE_URI, "pool_timeout": 1}
    app = create_app({"SQLALCHEMY_ENGINES": {"default": engine}})
    app.testing, client = True, app.test_client()
    answers = (attempt(client.get, "/admin/tag/") for _ in range(1000))
    print(next((answer for answer in answers if answer != "200 OK"), "all answered"))


def save(app):
    """Create a row as a browser does."""
    app.testing, client = True, app.test_client()
    page = client.get("/admin/tag/new/").text
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)[1]
    data = {"csrf_token": token, "name": "new"}
    print(attempt(client.post, "/admin/tag/new/", data=data))
    with elsewhere(app).connect() as connection:
        saved = connection.scalar(select(Tag.id).where(Tag.name == "new"))
    print(f"the row was saved: {'yes' if saved else 'no'}")


def look(app):
    """Show the list, rename a row in another process, show the list again."""
    client = app.test_client()
    with app.app_context():
        pool = app.extensions["sqlalchemy"].engine.pool
    for name in "history", "past":
        with elsewhere(app).begin() as connection:
            connection.execute(update(Tag).where(Tag.id == 1).values(name=name))
        seen = name in client.get("/admin/tag/").text
        print(f"the row is called {name}: the list {'shows' if seen else 'misses'} it")
    print(f"connections kept: {pool.checkedout()}")
