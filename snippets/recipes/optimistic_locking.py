"""Tell the second of two editors that the row was saved meanwhile.

.. testcode::

    import re

    from snippets.recipes.optimistic_locking import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    client = app.test_client()
    path = "/admin/page/edit/?id=1"
    opened = client.get(path).text
    token = re.search('csrf_token".+?value="(.+?)"', opened)[1]
    version = re.search('name="version".+?value="(.+?)"', opened)[1]
    both = {"csrf_token": token, "version": version}
    print(client.post(path, data=both | {"title": "Mine"}).status)
    answer = client.post(path, data=both | {"title": "Yours"})
    print(answer.status, "Somebody else saved this" in answer.text)
    print("Yours" in answer.text, "Mine" in client.get("/admin/page/").text)

.. testoutput::

    302 FOUND
    200 OK True
    True True
"""

from flask import Flask, flash
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError
from wtforms.fields import HiddenField

from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


# region recipe
class Page(Base):
    __tablename__ = "page"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    body: Mapped[str | None]
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}


class VersionField(HiddenField):
    """Carry the version that the editor was shown through the form."""

    def populate_obj(self, obj, name):
        # As if this were the version that was read: UPDATE asks for it. What was
        # sent, not self.data, which is the row's own version if nothing was sent.
        # No row has version 0.
        shown = (self.raw_data or [""])[0]
        set_committed_value(obj, name, int(shown) if shown.isdecimal() else 0)


class PageView(ModelView):
    form_base_class = SecureForm
    form_columns = ["title", "body", "version"]
    form_extra_fields = {"version": VersionField()}

    def handle_view_exception(self, exc):
        if not isinstance(exc, StaleDataError):
            return super().handle_view_exception(exc)
        flash(
            "Not saved: Somebody else saved this while you were writing. Your text "
            "is still here. Open the row in a second window and bring both together.",
            "error",
        )
        return True


# endregion recipe


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Page, 1) is None:
            db.session.add(Page(title="Welcome", body="Hello."))
            db.session.commit()

    admin = Admin(app)
    admin.add_view(PageView(Page, LazySession(db)))
    return app
