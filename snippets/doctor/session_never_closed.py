"""FAL022: a scoped session that nobody removes.

.. testcode::

    from snippets.doctor.session_never_closed import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/tag/").status)

.. testoutput::

    200 OK
"""

from flask import Flask
from flask_admin import Admin
from sqlalchemy import create_engine
from sqlalchemy.orm import scoped_session, sessionmaker

from snippets.models import Base, Tag, seed
from snippets.views import TagView


# region sick
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    engine = create_engine(app.config["SQLALCHEMY_ENGINES"]["default"])
    Base.metadata.create_all(engine)
    session = scoped_session(sessionmaker(engine))
    with session() as first:
        seed(first)
    Admin(app).add_view(TagView(Tag, session))
    return app


# endregion sick
