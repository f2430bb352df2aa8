"""Choose related rows by lookup, and only from those of the current user.

.. testcode::

    from snippets.recipes.ajax_references import TaskView

    # Made without an application, so without a context.
    for name, loader in TaskView.form_ajax_refs.items():
        print(name, loader.model.__name__)

.. testoutput::

    project Project
    labels Label
"""

from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.ajax import QueryAjaxModelLoader
from flask_admin.form import SecureForm
from flask_login import current_user
from sqlalchemy import Column, ForeignKey, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from wtforms import ValidationError

from snippets.recipes import flask_login
from snippets.recipes.flask_login import db
from snippets.recipes.protected_admin import AdminOnly
from snippets.workarounds.lazy_session import LazySession


class Base(DeclarativeBase):
    pass


class Owned:
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int]
    name: Mapped[str]

    def __str__(self):
        return self.name


class Project(Owned, Base):
    __tablename__ = "project"


class Label(Owned, Base):
    __tablename__ = "label"


task_label = Table(
    "task_label",
    Base.metadata,
    Column("task_id", ForeignKey("task.id"), primary_key=True),
    Column("label_id", ForeignKey("label.id"), primary_key=True),
)


class Task(Base):
    __tablename__ = "task"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    project_id: Mapped[int] = mapped_column(ForeignKey("project.id"))
    project: Mapped[Project] = relationship()
    labels: Mapped[list[Label]] = relationship(secondary=task_label)


# region recipe
class OwnLoader(QueryAjaxModelLoader):
    """Looks up rows of a model that has an ``owner_id``."""

    def get_query(self):
        return super().get_query().filter_by(owner_id=current_user.id)

    def get_one(self, pk):
        return self.get_query().filter_by(id=pk).one_or_none()


def found_all(form, field):
    # Flask-Admin drops unknown keys from a list, or empties a relation, and saves.
    keys = {key for value in field.raw_data for key in value.split(",")}
    rows = field.data if isinstance(field.data, list) else [field.data]
    if len(keys) != sum(row is not None for row in rows):
        raise ValidationError(field.gettext("Not a valid choice"))


class TaskView(AdminOnly, ModelView):
    form_base_class = SecureForm
    form_columns = ["title", "project", "labels"]
    form_args = {
        "project": {"validators": [found_all]},
        "labels": {"validators": [found_all]},
    }
    form_ajax_refs = {
        "project": OwnLoader("project", LazySession(db), Project, fields=["name"]),
        "labels": OwnLoader("labels", LazySession(db), Label, fields=["name"]),
    }


# endregion recipe


def create_app(config=None):
    app = flask_login.create_app(config)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Project, 1) is None:
            for owner, name in [(1, "Engine"), (2, "Compiler")]:
                db.session.add(Project(owner_id=owner, name=name))
                db.session.add(Label(owner_id=owner, name=f"{name} parts"))
            db.session.commit()
    app.extensions["admin"][0].add_view(TaskView(Task, LazySession(db)))
    return app
