"""``QueryAjaxModelLoader`` takes a session and keeps it, where a view refuses it.

.. testcode::

    from snippets.upstream.ajax_loader_keeps_session import reproduce

    print(reproduce())

.. testoutput::

    2 requests, 1 session
"""

import warnings
from tempfile import TemporaryDirectory

from flask import Flask
from flask_admin.contrib.sqla.ajax import QueryAjaxModelLoader
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


def reproduce():
    """Use one loader in two contexts; return how many sessions it used."""
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("error")
        app = Flask(__name__)
        app.config["SQLALCHEMY_ENGINES"] = {"default": f"sqlite:///{folder}/test.db"}
        db = SQLAlchemy(app)
        with app.app_context():
            Base.metadata.create_all(db.engine)
            loader = QueryAjaxModelLoader("user", db.session, User, fields=["name"])
        sessions = []
        for _ in range(2):
            with app.test_request_context():
                sessions.append(loader.get_query().session)
        with app.app_context():
            db.engine.dispose()
        return f"2 requests, {len({*map(id, sessions)})} session"


if __name__ == "__main__":
    print(reproduce())
