"""FAL010: a base class that puts the session into the view.

.. testcode::

    from snippets.doctor.view_holds_session import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/tag/").status)

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
class HoldingView(TagView):
    def __init__(self, model):
        super().__init__(model, db)
        self.session = db.session


# endregion sick


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
        Admin(app).add_view(HoldingView(Tag))
    return app
