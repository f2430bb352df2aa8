"""The same admin over Flask-SQLAlchemy, by ``db`` and by ``db.session``.

.. testcode::

    from snippets.workarounds.flask_sqlalchemy import create_app

    client = create_app({"SQLALCHEMY_DATABASE_URI": "sqlite://"}).test_client()
    answer = client.get("/admin/user/")
    print(answer.status, "ada@example.com" in answer.text)

.. testoutput::

    200 OK True
"""

import os
import secrets

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

# region db
db = SQLAlchemy()
# endregion db


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "flask_sqlalchemy_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    email: Mapped[str] = mapped_column(String(100), unique=True)


# region view
class UserView(ModelView):
    form_base_class = SecureForm


# endregion view


def add_views(admin, views):
    """Add many views: pairs of a view class and its model."""
    for view, model in views:
        admin.add_view(view(model, db))


def add_views_by_session(admin, views):
    """The same by ``db.session``, on any release of Flask-Admin."""
    for view, model in views:
        admin.add_view(view(model, db.session))


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping(
        # A random key ends all logins at each start: set one outside of development.
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
    )
    app.config.from_mapping(config)
    # region config
    address = os.environ.get("DATABASE_URL", "sqlite:///guide.db")
    app.config.setdefault("SQLALCHEMY_DATABASE_URI", address)
    # endregion config
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(User, 1) is None:
            for name in "Ada", "Grace":
                email = f"{name.lower()}@example.com"
                db.session.add(User(name=name, email=email))
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_view(UserView(User, db))
    # endregion add
    return app
