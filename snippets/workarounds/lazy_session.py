"""Hand Flask-Admin an object that looks up the request's session on each use.

.. testcode::

    from snippets.workarounds.lazy_session import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/user/").status)
    print("ada@example.com" in client.get("/admin/user/?search=ada").text)

.. testoutput::

    200 OK
    True
"""

from flask import Flask, has_app_context
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from werkzeug.local import LocalProxy

from snippets.models import create_tables
from snippets.views import VIEWS

db = SQLAlchemy()


# region proxy
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


# endregion proxy


# region views
def add_views(admin, views):
    session = LazySession(db)
    for view, model in views:
        admin.add_view(view(model, session))


# endregion views


# region app
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    add_views(Admin(app), VIEWS)
    return app


# endregion app
