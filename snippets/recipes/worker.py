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

from pathlib import Path

from celery import Celery, Task, shared_task
from celery.signals import worker_process_init
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


class Report(Base):
    __tablename__ = "report"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    state: Mapped[str] = mapped_column(default="waiting")


# region recipe
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


class ReportView(ModelView):
    form_base_class = SecureForm
    form_columns = ["title"]

    def after_model_change(self, form, model, is_created):
        # After the commit: a worker that is faster than that would find no row.
        build.delay(model.id)


# endregion recipe


# region example
def queue_of_files(app):
    """A broker that needs no server, for the example alone."""
    folder = Path(app.instance_path, "queue")
    folder.mkdir(parents=True, exist_ok=True)
    names = ["data_folder_in", "data_folder_out", "control_folder"]
    options = dict.fromkeys(names, str(folder))
    return {"broker_url": "filesystem://", "broker_transport_options": options}


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    if "CELERY" not in app.config:
        app.config["CELERY"] = queue_of_files(app)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Report, 1) is None:
            db.session.add(Report(title="Made by hand"))
            db.session.commit()
    app.extensions["celery"] = make_celery(app)

    admin = Admin(app)
    admin.add_view(ReportView(Report, LazySession(db)))
    return app


# endregion example
