"""A Celery worker that shares the models with the admin.

.. testcode::

    from snippets.recipes.worker import create_app

    app = create_app(
        {
            "SQLALCHEMY_ENGINES": {"default": "sqlite://"},
            "CELERY": {"broker_url": "memory://"},
        }
    )
    app.extensions["celery"].tasks["snippets.recipes.worker.build"](1)
    print("ready" in app.test_client().get("/admin/report/").text)

.. testoutput::

    True
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from pathlib import Path
from typing import cast

from celery import Celery, Task, shared_task
from celery.exceptions import OperationalError
from celery.signals import worker_process_init
from flask import Flask, flash, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String
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


# region models
class Report(Base):
    __tablename__ = "worker_report"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    state: Mapped[str] = mapped_column(String(20), default="waiting")


# endregion models


# region tasks
def make_celery(app):
    """Make a Celery application whose tasks run in a context of ``app``."""

    class ContextTask(Task):
        def __call__(self, *args, **kwargs):
            with app.app_context():
                return self.run(*args, **kwargs)

    celery = Celery(app.name, task_cls=ContextTask)
    celery.config_from_object(app.config["CELERY"])
    celery.set_default()

    @worker_process_init.connect(weak=False)
    def leave_connections_to_the_parent(**kwargs):
        with app.app_context():
            for engine in db.engines.values():
                engine.dispose(close=False)

    @app.cli.command("worker")
    def worker():
        """Run a worker: flask worker"""
        celery.worker_main(["worker", "--loglevel=INFO"])

    return celery


@shared_task(ignore_result=True)
def build(report_id):
    report = db.session.get(Report, report_id)
    if report is not None:
        report.state = "ready"
        db.session.commit()


# endregion tasks


# region views
class ReportView(ModelView):
    form_base_class = SecureForm
    form_columns = ["title"]

    def after_model_change(self, form, model, is_created):
        # After the commit: a worker that is faster than that would find no row.
        try:
            build.delay(model.id)
        except OperationalError:
            # The row is saved: an error page would have people save it again.
            flash("Saved, but the queue does not answer.", "error")


# endregion views


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
    # region broker
    # Files in place of a broker: nothing to install while you try it.
    queue = Path(app.instance_path, "queue")
    queue.mkdir(parents=True, exist_ok=True)
    names = ["data_folder_in", "data_folder_out", "control_folder"]
    app.config.setdefault(
        "CELERY",
        {
            "broker_url": "filesystem://",
            "broker_transport_options": dict.fromkeys(names, str(queue)),
        },
    )
    # endregion broker
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Report, 1) is None:
            db.session.add(Report(title="A first report"))
            db.session.commit()
    # region celery
    app.extensions["celery"] = make_celery(app)
    # endregion celery

    admin = Admin(app)
    # region add
    admin.add_view(ReportView(Report, db.session))
    # endregion add
    return app
