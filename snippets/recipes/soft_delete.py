"""Delete marks a row and hides it; the row stays in the database.

.. testcode::

    from snippets.recipes.soft_delete import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print("Kept" in client.get("/admin/note/").text)
    print("Deleted last year" in client.get("/admin/note/").text)
    print(client.get("/admin/note/edit/?id=2").status)

.. testoutput::

    True
    False
    302 FOUND
"""

from datetime import datetime, timezone

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str]
    deleted_at: Mapped[datetime | None]


# region recipe
class SoftDeleteView(ModelView):
    """A view of a model that has a ``deleted_at`` column."""

    form_base_class = SecureForm
    form_excluded_columns = ["deleted_at"]
    column_exclude_list = ["deleted_at"]

    def get_query(self):
        return super().get_query().filter(self.model.deleted_at.is_(None))

    def get_count_query(self):
        return super().get_count_query().filter(self.model.deleted_at.is_(None))

    def get_one(self, id):
        found = super().get_one(id)
        return None if found is None or found.deleted_at else found

    def delete_model(self, model):
        model.deleted_at = datetime.now(timezone.utc)
        self.session.commit()
        return True


# endregion recipe


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Note, 1) is None:
            gone = datetime(2025, 1, 1, tzinfo=timezone.utc)
            db.session.add(Note(text="Kept"))
            db.session.add(Note(text="Deleted last year", deleted_at=gone))
            db.session.commit()

    admin = Admin(app)
    admin.add_view(SoftDeleteView(Note, LazySession(db)))
    return app
