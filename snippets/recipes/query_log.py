"""Log how many statements a request sends, and show them while you develop.

.. testcode::

    import logging, sys

    from snippets.recipes.query_log import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    logging.basicConfig(stream=sys.stdout, format="%(message)s", force=True)
    logging.getLogger("queries").setLevel("INFO")
    app.test_client().get("/admin/user/?search=ada")

.. testoutput::
    :options: +ELLIPSIS

    GET user.index_view: 2 statements in ... ms
"""

import logging
from collections import Counter
from time import perf_counter

from flask import Flask, g, has_request_context, render_template_string, request
from flask_admin import Admin
from flask_debugtoolbar import DebugToolbarExtension
from flask_debugtoolbar.panels import DebugPanel
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import event

from snippets.models import Post, User, create_tables
from snippets.views import PostView, UserView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region recipe
log = logging.getLogger("queries")
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
            log.log(
                logging.WARNING if many else logging.INFO,
                "%s %s: %d statements in %.1f ms",
                *(request.method, request.endpoint, len(sent), 1000 * seconds),
            )
            if many:
                statement, times = Counter(text for text, _ in sent).most_common(1)[0]
                log.warning("%d times: %s", times, " ".join(statement.split()))


# endregion recipe


# region toolbar
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


def add_toolbar(app):
    # It shows what it knows to every visitor: only with `flask run --debug`.
    if app.debug:
        app.config["DEBUG_TB_PANELS"] = [f"{__name__}.StatementPanel"]
        # Otherwise a page of its own stands between a saved form and the list.
        app.config["DEBUG_TB_INTERCEPT_REDIRECTS"] = False
        DebugToolbarExtension(app)


# endregion toolbar


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
    log_queries(app)
    add_toolbar(app)

    admin = Admin(app)
    admin.add_view(UserView(User, LazySession(db)))
    admin.add_view(PostView(Post, LazySession(db)))
    return app
