"""Write down who changed what, in the transaction that changes it.

.. testcode::

    from snippets.recipes.audit_trail import Article, Audit, create_app, db

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    with app.app_context():
        article = db.session.get(Article, 1)
        article.title = "Changed"
        db.session.commit()
        db.session.delete(article)
        db.session.commit()
        for entry in db.session.query(Audit):
            print(entry.who, entry.action, entry.model, entry.row_id, entry.changes)
    print(app.test_client().get("/admin/article/").status)

.. testoutput::

    None create Article 1 {"title": [null, "Draft"]}
    None edit Article 1 {"title": ["Draft", "Changed"]}
    None delete Article 1 {"id": [1, null], "title": ["Changed", null]}
    200 OK
"""

import json
import os
import secrets
from datetime import datetime
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, current_app, has_app_context, has_request_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_login import LoginManager, UserMixin, current_user
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String, Text, event, func, insert, inspect
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from werkzeug.local import LocalProxy


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


class Article(Base):
    __tablename__ = "audit_trail_article"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100), unique=True)


# region model
class Audit(Base):
    __tablename__ = "audit_trail"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    who: Mapped[str | None] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(10))
    model: Mapped[str] = mapped_column(String(100))
    row_id: Mapped[str] = mapped_column(String(100))
    changes: Mapped[str] = mapped_column(Text)


# endregion model


# region recipe
# Columns whose values are not copied.
SECRET = {"password", "password_hash", "token"}


def who():
    """The id of the account that is logged in; None in a job or without a login."""
    if has_request_context() and hasattr(current_app, "login_manager"):
        # Not get_id(): what the cookie carries may be a secret.
        return str(current_user.id) if current_user.is_authenticated else None


def changes(action, state):
    """``{column: [old, new]}`` of a row that is being written."""
    found = {}
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].history
        # A deleted row has no changes: keep what it contained.
        old = history.non_added() if action == "delete" else history.deleted
        if old or history.added:
            values = [(*old, None)[0], (*history.added, None)[0]]
            hidden = attribute.key in SECRET
            found[attribute.key] = ["hidden", "hidden"] if hidden else values
    return found


def write_down(session, flush_context):
    # In this event new rows have their id, and what changed is still known.
    rows = []
    # session.deleted lacks the orphans, which the flush itself deletes.
    states = flush_context.states.items()
    gone = session.deleted.union(state.obj() for state, (out, _) in states if out)
    for action, models in [
        ("create", session.new),
        ("edit", session.dirty.difference(gone)),
        ("delete", gone),
    ]:
        for state in map(inspect, models):
            if found := changes(action, state):
                key = state.mapper.primary_key_from_instance(state.obj())
                rows.append(
                    {
                        "who": who(),
                        "action": action,
                        "model": state.class_.__name__,
                        "row_id": ",".join(map(str, key)),
                        "changes": json.dumps(found, default=str),
                    }
                )
    if rows:
        session.execute(insert(Audit), rows)


# endregion recipe


# region view
class AuditView(ModelView):
    can_create = can_edit = can_delete = False
    form_base_class = SecureForm
    column_default_sort = ("id", True)


# endregion view


class ArticleView(ModelView):
    form_base_class = SecureForm
    column_editable_list = ["title"]


class Editor(UserMixin):
    def __init__(self, name):
        self.id = name


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
    LoginManager(app).user_loader(Editor)
    # region listen
    with app.app_context():
        event.listen(db.sessionmaker, "after_flush", write_down)
    # endregion listen
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Audit, 1) is None:
            db.session.add(Article(title="Draft"))
            db.session.commit()

    admin = Admin(app)
    admin.add_view(ArticleView(Article, db.session))
    # region add
    admin.add_view(AuditView(Audit, db.session))
    # endregion add
    return app
