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

from snippets.models import Post, Tag, User, create_tables
from snippets.views import PostView, TagView, UserView

db = SQLAlchemy()


# region app
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    admin = Admin(app)

    with app.app_context():
        create_tables(db)
        admin.add_view(UserView(User, db))
        admin.add_view(PostView(Post, db))
        admin.add_view(TagView(Tag, db))
    return app


# endregion app


# region init_app
def create_app_with_init_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    admin = Admin()

    with app.app_context():
        create_tables(db)
        admin.add_view(UserView(User, db))
        admin.add_view(PostView(Post, db))
        admin.add_view(TagView(Tag, db))
    admin.init_app(app)
    return app


# endregion init_app
