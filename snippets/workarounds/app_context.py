"""Hand Flask-Admin 2.2.1 the ``db`` object, inside an application context.

.. testcode::

    from snippets.workarounds.app_context import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/user/").status)
    print("ada@example.com" in client.get("/admin/user/?search=ada").text)

.. testoutput::

    200 OK
    True
"""

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import create_tables
from snippets.views import VIEWS

db = SQLAlchemy()


# region views
def add_views(admin, views, app):
    with app.app_context():
        for view, model in views:
            admin.add_view(view(model, db))


# endregion views


# region app
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    add_views(Admin(app), VIEWS, app)
    return app


# endregion app
