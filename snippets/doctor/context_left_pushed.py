"""FAL020: an application context that is pushed and never popped.

.. testcode::

    from contextvars import copy_context

    from snippets.doctor.context_left_pushed import create_app

    app = copy_context().run(create_app, {"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    print(app.test_client().get("/admin/tag/").status)

.. testoutput::

    200 OK
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
    app.app_context().push()
    create_tables(db)
    Admin(app).add_view(TagView(Tag, db))
    return app


# endregion sick
