"""The same admin over Flask-SQLAlchemy, by ``db.session`` and by ``db``.

.. testcode::

    from snippets.workarounds.flask_sqlalchemy import create_app

    client = create_app({"SQLALCHEMY_DATABASE_URI": "sqlite://"}).test_client()
    print(client.get("/admin/user/").status)

.. testoutput::

    200 OK
"""

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy import SQLAlchemy

from snippets.models import Base, create_tables
from snippets.views import VIEWS

db = SQLAlchemy(model_class=Base)


# region db
def add_views(admin, views):
    for view, model in views:
        admin.add_view(view(model, db))


# endregion db


# region session
def add_views_by_session(admin, views):
    for view, model in views:
        admin.add_view(view(model, db.session))


# endregion session


# region app
def create_app(config=None, add_views=add_views):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    add_views(Admin(app), VIEWS)
    return app


# endregion app


def create_app_session(config=None):
    return create_app(config, add_views_by_session)
