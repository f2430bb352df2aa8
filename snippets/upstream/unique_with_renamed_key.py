"""``Unique`` fails on edit where a primary key's attribute is not its column's name.

.. testcode::

    from snippets.upstream.unique_with_renamed_key import reproduce

    print(reproduce())

.. testoutput::

    AttributeError: 'User' object has no attribute 'user_id'
"""

import secrets
from tempfile import TemporaryDirectory

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column("user_id", primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)


def reproduce():
    """Give one row the value of another; return what the request raised."""
    with TemporaryDirectory() as folder:
        app = Flask(__name__)
        app.config["SECRET_KEY"] = secrets.token_hex()
        app.config["SQLALCHEMY_ENGINES"] = {"default": f"sqlite:///{folder}/test.db"}
        db = SQLAlchemy(app)
        admin = Admin(app)
        with app.app_context():
            Base.metadata.create_all(db.engine)
            db.session.add_all(
                [User(email="a@example.com"), User(email="b@example.com")]
            )
            db.session.commit()
            admin.add_view(ModelView(User, db))
        # The test client then raises what a server would answer with status 500.
        app.testing = True
        try:
            data = {"email": "a@example.com"}
            app.test_client().post("/admin/user/edit/?id=2", data=data)
        except AttributeError as error:
            return f"AttributeError: {error}"
        finally:
            with app.app_context():
                db.engine.dispose()
    return "no error"


if __name__ == "__main__":
    print(reproduce())
