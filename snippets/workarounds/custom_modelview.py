"""Put the session handling into one base class that takes ``db``.

.. testcode::

    from snippets.workarounds.custom_modelview import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/user/").status)
    print("ada@example.com" in client.get("/admin/user/?search=ada").text)

.. testoutput::

    200 OK
    True
"""

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import create_tables
from snippets.views import VIEWS
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region base
class LiteModelView(ModelView):
    """A ``ModelView`` that takes Lite's ``db``, in a context or not.

    :param model: a mapped class.
    :param db: a ``flask_sqlalchemy_lite.SQLAlchemy``.
    """

    def __init__(self, model, db, *args, **kwargs):
        super().__init__(model, LazySession(db), *args, **kwargs)


# endregion base


# region views
def add_views(admin, views):
    for view, model in views:
        # As you would write it: class LiteUserView(UserView, LiteModelView).
        lite_view = type(f"Lite{view.__name__}", (view, LiteModelView), {})
        admin.add_view(lite_view(model, db))


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
