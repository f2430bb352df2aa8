"""FAL012: a validator that is given a session.

.. testcode::

    from snippets.doctor.validator_holds_session import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/tag/").status)

.. testoutput::

    200 OK
"""

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla.validators import Unique
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import Tag, create_tables
from snippets.views import TagView

db = SQLAlchemy()


# region sick
def tag_view():
    class UniqueView(TagView):
        form_args = {"name": {"validators": [Unique(db.session, Tag, Tag.name)]}}

    return UniqueView(Tag, db)


# endregion sick


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
        Admin(app).add_view(tag_view())
    return app
