"""A view that may not edit still saves an inline edit.

.. testcode::

    from snippets.upstream.inline_edit_without_can_edit import reproduce

    print(reproduce())

.. testoutput::

    302 /admin/tag/
    200 Record was successfully saved.
"""

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Tag(Base):
    __tablename__ = "tag"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class TagView(ModelView):
    can_edit = False
    column_editable_list = ["name"]


def reproduce():
    """Return what the edit form and the inline edit answer."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_ENGINES"] = {"default": "sqlite://"}
    db = SQLAlchemy(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        db.session.add(Tag(name="before"))
        db.session.commit()
        Admin(app).add_view(TagView(Tag, db))
    client = app.test_client()
    form = client.post("/admin/tag/edit/?id=1", data={"name": "after"})
    data = {"list_form_pk": "1", "name": "after"}
    inline = client.post("/admin/tag/ajax/update/", data=data)
    return f"{form.status_code} {form.location}\n{inline.status_code} {inline.text}"


if __name__ == "__main__":
    print(reproduce())
