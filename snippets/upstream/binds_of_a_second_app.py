"""A second application made from one ``db`` works on the first one's engine.

.. testcode::

    from snippets.upstream.binds_of_a_second_app import reproduce

    print(reproduce())

.. testoutput::

    first.db
    first.db
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)


def reproduce():
    """Return the database files that two applications' sessions use."""
    found = []
    with TemporaryDirectory() as folder:
        db = SQLAlchemy(session_options={"binds": {Base: "default"}})
        for name in "first.db", "second.db":
            app = Flask(__name__)
            app.config["SQLALCHEMY_ENGINES"] = {"default": f"sqlite:///{folder}/{name}"}
            db.init_app(app)
            with app.app_context():
                engine = db.session.get_bind(User)
                found.append(Path(engine.url.database).name)
    return "\n".join(found)


if __name__ == "__main__":
    print(reproduce())
