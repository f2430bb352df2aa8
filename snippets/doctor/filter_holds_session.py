"""FAL013: a filter that keeps a session for its options.

.. testcode::

    from snippets.doctor.filter_holds_session import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/tag/").status)

.. testoutput::

    200 OK
"""

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla.filters import FilterEqual
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import select

from snippets.models import Tag, create_tables
from snippets.views import TagView

db = SQLAlchemy()


# region sick
class NameFilter(FilterEqual):
    def __init__(self, session):
        super().__init__(Tag.name, "Name")
        self.session = session

    def get_options(self, view):
        return [(name, name) for name in self.session.scalars(select(Tag.name))]


def tag_view():
    class FilteredView(TagView):
        column_filters = [NameFilter(db.session)]

    return FilteredView(Tag, db)


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
