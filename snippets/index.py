"""The whole change: a ``db`` from one class, and ``db.session`` for each view.

.. testcode::

    from snippets.index import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/book/").status)

.. testoutput::

    200 OK
"""

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from snippets.workarounds.proxy_sqlalchemy import ProxySQLAlchemy

db = ProxySQLAlchemy()


class Base(DeclarativeBase):
    pass


class Book(Base):
    __tablename__ = "index_book"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]


# region views
class BookView(ModelView):
    # Without this line anybody's page can post to your forms.
    form_base_class = SecureForm


admin = Admin()
admin.add_view(BookView(Book, db.session))
# endregion views


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    # region app
    db.init_app(app)
    admin.init_app(app)
    # endregion app
    with app.app_context():
        Base.metadata.create_all(db.engine)
    return app
