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

from snippets.models import Base, Post, Tag, User, create_tables
from snippets.views import PostView, TagView, UserView

db = SQLAlchemy(model_class=Base)


def new_app(config):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
    return app


# region db
def create_app(config=None):
    app = new_app(config)
    admin = Admin(app)
    admin.add_view(UserView(User, db))
    admin.add_view(PostView(Post, db))
    admin.add_view(TagView(Tag, db))
    return app


# endregion db


# region session
def create_app_session(config=None):
    app = new_app(config)
    admin = Admin(app)
    admin.add_view(UserView(User, db.session))
    admin.add_view(PostView(Post, db.session))
    admin.add_view(TagView(Tag, db.session))
    return app


# endregion session
