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

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, flash, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.local import LocalProxy
from wtforms.fields import HiddenField


class LazySession(LocalProxy):
    """A proxy for the session of the current application context.

    :param db: a ``flask_sqlalchemy_lite.SQLAlchemy``.
    :raises RuntimeError: when it is used outside of an application context.
        Creating it needs none.
    """

    def __init__(self, db):
        super().__init__(db.get_session)

    @property
    def session(self):
        return self

    def __call__(self):
        return self._get_current_object()

    def __getattr__(self, name):
        # Flask-Admin looks for "_action" while the views are made.
        if name.startswith("_") and not has_app_context():
            raise AttributeError(name)
        return getattr(self._get_current_object(), name)


class ProxySQLAlchemy(SQLAlchemy):
    """Flask-SQLAlchemy-Lite with a ``db.session`` that is looked up on each use."""

    @cached_property
    def session(self) -> Session:
        return cast(Session, LazySession(self))

    def init_app(self, app):
        count = len(app.teardown_appcontext_funcs)
        super().init_app(app)
        if not app.config.get("SQLALCHEMY_ASYNC_ENGINES"):
            # Lite's asynchronous teardown breaks gevent and has nothing to close.
            added = app.teardown_appcontext_funcs[count:]
            app.teardown_appcontext_funcs[count:] = [
                function for function in added if not iscoroutinefunction(function)
            ]


db = ProxySQLAlchemy()


class Base(DeclarativeBase):
    pass


# region model
class Versioned:
    """Put it before your base class in the bases of a model."""

    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}
    # Else SQLite gives the id of a deleted row, and version 1, to the next one.
    __table_args__ = {"sqlite_autoincrement": True}


class Page(Versioned, Base):
    __tablename__ = "optimistic_locking_page"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    body: Mapped[str | None] = mapped_column(Text)


# endregion model


# region recipe
class VersionField(HiddenField):
    """Carry the version that the editor was shown through the form."""

    def populate_obj(self, obj, name):
        # What was sent, not self.data, which is the row's own version if nothing was
        # sent. No row has version 0.
        sent = (self.raw_data or [""])[0]
        shown = int(sent) if sent.isdecimal() and len(sent) < 10 else 0
        # As if this were the version that was read: UPDATE asks for it.
        set_committed_value(obj, name, shown)
        # A change of relations alone sends no UPDATE of this row; this does.
        setattr(obj, name, shown + 1)


class VersionedView:
    """Put it before ``ModelView``, and "version" into ``form_columns``."""

    form_base_class = SecureForm
    form_extra_fields = {"version": VersionField()}

    def handle_view_exception(self, exc):
        if not isinstance(exc, StaleDataError):
            return super().handle_view_exception(exc)
        flash(
            "Not saved: Somebody else saved this while you were writing. Your text "
            "is still here. Open the row in a second window and merge the two.",
            "error",
        )
        return True


# endregion recipe


# region view
class PageView(VersionedView, ModelView):
    form_columns = ["title", "body", "version"]


# endregion view


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping(
        # A random key ends all logins at each start: set one outside of development.
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
        SQLALCHEMY_ENGINES={
            "default": os.environ.get("DATABASE_URL", "sqlite:///guide.db")
        },
    )
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Page, 1) is None:
            db.session.add(Page(title="Welcome", body="Hello."))
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_view(PageView(Page, db.session))
    # endregion add
    return app
