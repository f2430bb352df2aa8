"""FAL024: a method that uses ``self.session``, which is ``db``.

.. testcode::

    from snippets.doctor.self_session_is_db import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/tag/").status)

.. testoutput::

    500 INTERNAL SERVER ERROR
"""

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import Tag, create_tables
from snippets.views import TagView

db = SQLAlchemy()


# region sick
class SortedView(TagView):
    def get_query(self):
        return self.session.query(self.model).order_by(Tag.name)


# endregion sick


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
        Admin(app).add_view(SortedView(Tag, db))
    return app
