"""Write down who changed what, in the transaction that changes it.

.. testcode::

    from snippets.recipes.audit_trail import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    with app.app_context():
        article = db.session.get(Article, 1)
        article.title = "Changed"
        db.session.commit()
        db.session.delete(article)
        db.session.commit()
        for entry in db.session.query(Audit):
            print(entry.who, entry.action, entry.model, entry.row, entry.changes)
    print(app.test_client().get("/admin/article/").status)

.. testoutput::

    None create Article 1 {"title": [null, "Draft"]}
    None edit Article 1 {"title": ["Draft", "Changed"]}
    None delete Article 1 {"id": [1, null], "title": ["Changed", null]}
    200 OK
"""

import json
from datetime import datetime

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_login import LoginManager, UserMixin, current_user
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import event, func, insert, inspect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


class Article(Base):
    __tablename__ = "article"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(unique=True)


# region recipe
class Audit(Base):
    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    who: Mapped[str | None]
    action: Mapped[str]
    model: Mapped[str]
    row: Mapped[str]
    changes: Mapped[str]


def changes(action, state):
    """``{column: [old, new]}`` of a row that is being written."""
    found = {}
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].history
        # A row that goes has no changes: keep what it held.
        old = history.non_added() if action == "delete" else history.deleted
        if old or history.added:
            found[attribute.key] = [(*old, None)[0], (*history.added, None)[0]]
    return found


def write_down(session, flush_context):
    # In this event new rows have their id, and what changed is still known.
    rows = []
    for action, models in [
        ("create", session.new),
        ("edit", session.dirty),
        ("delete", session.deleted),
    ]:
        for state in map(inspect, models):
            if found := changes(action, state):
                key = state.mapper.primary_key_from_instance(state.obj())
                rows.append(
                    {
                        # Nobody in a job or in the shell, where no request is.
                        "who": current_user.get_id() if current_user else None,
                        "action": action,
                        "model": state.class_.__name__,
                        "row": ",".join(map(str, key)),
                        "changes": json.dumps(found, default=str),
                    }
                )
    if rows:
        session.execute(insert(Audit), rows)


class AuditView(ModelView):
    can_create = can_edit = can_delete = False
    column_default_sort = ("id", True)


# endregion recipe


class ArticleView(ModelView):
    form_base_class = SecureForm
    column_editable_list = ["title"]


class Editor(UserMixin):
    def __init__(self, name):
        self.id = name


# region app
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    LoginManager(app).user_loader(Editor)
    with app.app_context():
        event.listen(db.sessionmaker, "after_flush", write_down)
        Base.metadata.create_all(db.engine)
        if db.session.get(Audit, 1) is None:
            db.session.add(Article(title="Draft"))
            db.session.commit()

    admin = Admin(app)
    admin.add_view(ArticleView(Article, LazySession(db)))
    admin.add_view(AuditView(Audit, LazySession(db)))
    return app


# endregion app
