"""Log how many statements a request sends, and show them while you develop.

.. testcode::

    import logging, sys

    from snippets.recipes.query_log import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    logging.basicConfig(stream=sys.stdout, format="%(message)s", force=True)
    app.logger.setLevel("INFO")
    app.test_client().get("/admin/user/?search=ada")

.. testoutput::
    :options: +ELLIPSIS

    GET user.index_view: 2 statements in ... ms
"""

import logging
import os
import secrets
from collections import Counter
from functools import cached_property
from inspect import iscoroutinefunction
from time import perf_counter
from typing import cast

from flask import (
    Flask,
    g,
    has_app_context,
    has_request_context,
    render_template_string,
    request,
)
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_debugtoolbar import DebugToolbarExtension
from flask_debugtoolbar.panels import DebugPanel
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, String, event
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
)
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


class User(Base):
    __tablename__ = "query_log_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    posts: Mapped[list["Post"]] = relationship(back_populates="author")


class Post(Base):
    __tablename__ = "query_log_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    author_id: Mapped[int] = mapped_column(ForeignKey("query_log_user.id"))
    author: Mapped[User] = relationship(back_populates="posts")

    def __str__(self):
        return self.title


class UserView(ModelView):
    form_base_class = SecureForm
    column_searchable_list = ["name"]
    form_columns = ["name"]


# region log
MANY = 20


def log_queries(app):
    """Log the statements of each request; a warning when there are too many."""

    def started(connection, *args):
        connection.info["started"] = perf_counter()

    def ended(connection, cursor, statement, parameters, context, many):
        if has_request_context():
            seconds = perf_counter() - connection.info["started"]
            # Without the parameters: they are what people typed.
            g.setdefault("statements", []).append((statement, seconds))

    with app.app_context():
        for engine in db.engines.values():
            event.listen(engine, "before_cursor_execute", started)
            event.listen(engine, "after_cursor_execute", ended)

    @app.teardown_request
    def report(error):
        if sent := g.get("statements"):
            seconds = sum(seconds for _, seconds in sent)
            many = len(sent) > MANY
            app.logger.log(
                logging.WARNING if many else logging.INFO,
                "%s %s: %d statements in %.1f ms",
                *(request.method, request.endpoint, len(sent), 1000 * seconds),
            )
            if many:
                text, times = Counter(text for text, _ in sent).most_common(1)[0]
                app.logger.warning("%d times: %s", times, " ".join(text.split()))


# endregion log


# region panel
class StatementPanel(DebugPanel):
    name = "Statements"
    has_content = True

    def nav_title(self):
        return self.name

    def nav_subtitle(self):
        return f"{len(g.get('statements', []))} statements"

    def title(self):
        return self.name

    def url(self):
        return ""

    def content(self):
        page = "{% for each, seconds in sent %}<pre>{{ each }}</pre>{% endfor %}"
        return render_template_string(page, sent=g.get("statements", []))


# endregion panel


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
        if db.session.get(User, 1) is None:
            db.session.add(User(name="Ada", posts=[Post(title="Notes")]))
            db.session.commit()

    # region call
    log_queries(app)
    # endregion call
    # region toolbar
    # It shows what it knows to every visitor: only with `flask run --debug`.
    if app.debug:
        app.config["DEBUG_TB_PANELS"] = [f"{__name__}.StatementPanel"]
        # Otherwise a page of its own stands between a saved form and the list.
        app.config["DEBUG_TB_INTERCEPT_REDIRECTS"] = False
        DebugToolbarExtension(app)
    # endregion toolbar

    admin = Admin(app)
    admin.add_view(UserView(User, db.session))
    return app
