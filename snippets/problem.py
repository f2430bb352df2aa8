"""Three lines that people try with Flask-SQLAlchemy-Lite.

.. testcode::

    from snippets.problem import create_app

    try:
        create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    except RuntimeError as error:
        print(str(error).splitlines()[0])

.. testoutput::

    Working outside of application context.
"""

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import Post, Tag, User, create_tables
from snippets.views import PostView, TagView, UserView

db = SQLAlchemy()


def new_app(config):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
    return app


# region session
def create_app(config=None):
    app = new_app(config)
    admin = Admin(app)
    admin.add_view(UserView(User, db.session))
    return app


# endregion session


# region session-in-context
def create_app_session_in_context(config=None):
    app = new_app(config)
    admin = Admin(app)
    with app.app_context():
        admin.add_view(UserView(User, db.session))
        admin.add_view(PostView(Post, db.session))
        admin.add_view(TagView(Tag, db.session))
    return app


# endregion session-in-context


# region db
def create_app_db(config=None):
    app = new_app(config)
    admin = Admin(app)
    admin.add_view(UserView(User, db))
    admin.add_view(PostView(Post, db))
    admin.add_view(TagView(Tag, db))
    return app


# endregion db
