"""Flask-SQLAlchemy-Lite for gevent workers: no event loop at the end of a request.

.. testcode::

    from snippets.recipes.gevent import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    print([function.__name__ for function in app.teardown_appcontext_funcs])
    print(app.test_client().get("/admin/tag/").status)

.. testoutput::

    ['_close_sessions']
    200 OK
"""

from inspect import iscoroutinefunction

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import create_tables
from snippets.views import VIEWS
from snippets.workarounds.lazy_session import LazySession


# region recipe
class GeventSQLAlchemy(SQLAlchemy):
    """Flask-SQLAlchemy-Lite that starts no event loop when a request ends."""

    def init_app(self, app):
        count = len(app.teardown_appcontext_funcs)
        super().init_app(app)
        # Without an asynchronous engine there is no asynchronous session to close.
        if not app.config.get("SQLALCHEMY_ASYNC_ENGINES"):
            # Only what Lite added: an async teardown of yours may have work to do.
            added = app.teardown_appcontext_funcs[count:]
            app.teardown_appcontext_funcs[count:] = [
                function for function in added if not iscoroutinefunction(function)
            ]


db = GeventSQLAlchemy()
# endregion recipe


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    admin = Admin(app)
    for view, model in VIEWS:
        admin.add_view(view(model, LazySession(db)))
    return app
