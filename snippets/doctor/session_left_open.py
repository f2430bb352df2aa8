"""FAL021: a page that opens a session and leaves it open.

.. testcode::

    from snippets.doctor.session_left_open import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/report/").status)

.. testoutput::

    200 OK
"""

from flask import Flask
from flask_admin import Admin, BaseView, expose
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import select

from snippets.models import Tag, create_tables

db = SQLAlchemy()


# region sick
class ReportView(BaseView):
    @expose("/")
    def index(self):
        session = db.sessionmaker()
        names = session.scalars(select(Tag.name)).all()
        return ", ".join(names)


# endregion sick


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
    Admin(app).add_view(ReportView("Report", endpoint="report"))
    return app
