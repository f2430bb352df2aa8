"""FAL001: a view that is created outside of an application context.

.. testcode::

    from snippets.doctor.session_without_context import create_app

    try:
        create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    except RuntimeError as error:
        print(str(error).split(".")[0])

.. testoutput::

    Working outside of application context
"""

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import Tag, create_tables
from snippets.views import TagView

db = SQLAlchemy()


# region sick
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
    Admin(app).add_view(TagView(Tag, db.session))
    return app


# endregion sick
