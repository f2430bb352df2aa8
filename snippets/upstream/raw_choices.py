"""Flask-Admin's select fields use what WTForms 3.3 deprecates.

.. testcode::

    from snippets.upstream.raw_choices import reproduce

    print(reproduce())

.. testoutput::

    Yielding raw tuples from iter_choices() or iter_groups() is deprecated; \
yield Choice instances instead. Will be removed in WTForms 4.0.
"""

import warnings
from tempfile import TemporaryDirectory

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)


class Post(Base):
    __tablename__ = "post"
    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    user: Mapped[User] = relationship()


def reproduce():
    """Open a form with a relation; return the first warning."""
    with TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        app = Flask(__name__)
        app.config["SQLALCHEMY_ENGINES"] = {"default": f"sqlite:///{folder}/test.db"}
        db = SQLAlchemy(app)
        admin = Admin(app)
        with app.app_context():
            Base.metadata.create_all(db.engine)
            db.session.add(User())
            db.session.commit()
            admin.add_view(ModelView(Post, db))
        app.test_client().get("/admin/post/new/")
        with app.app_context():
            db.engine.dispose()
    found = [str(warning.message) for warning in caught]
    return next((text for text in found if "iter_choices" in text), "no warning")


if __name__ == "__main__":
    print(reproduce())
