"""Tasks get ids, run in contexts of their own, and the admin sees their work."""

import queue
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery.contrib.testing.worker import start_worker
from celery.signals import setup_logging, task_postrun, worker_process_init

from snippets.recipes import worker
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts
from tools.paths import ROOT

NEW = "/admin/report/new/"
FAST = {"polling_interval": 0.01}


@pytest.fixture(autouse=True)
def _no_logging():
    """A worker in a thread would change the level of the root logger for good."""

    def leave_as_it_is(**kwargs):
        pass

    setup_logging.connect(leave_as_it_is)
    yield
    setup_logging.disconnect(leave_as_it_is)


@pytest.fixture
def start(drive, tmp_path):
    """Start a module with a queue in memory that nobody else uses."""

    def start(module, **options):
        celery = {
            "broker_url": "memory://",
            "broker_transport_options": FAST,
            "task_default_queue": str(tmp_path),
        } | options
        return drive(lambda given: module.create_app(given | {"CELERY": celery}))

    return start


def new(surface, title):
    surface.submit(NEW, {"title": title})


def states(surface):
    return [row.split()[-1] for row in surface.rows("/admin/report/")]


def work(surface):
    """Do the next task as a worker does: in a thread, from the message alone."""
    celery = surface.app.extensions["celery"]
    with celery.connection_for_read() as connection:
        message = connection.SimpleQueue(celery.conf.task_default_queue).get(timeout=10)
        message.ack()
    with ThreadPoolExecutor(1) as pool:
        task = celery.tasks[message.headers["task"]]
        pool.submit(task, *message.payload[0]).result()
        assert surface.pool.checkedout() == 0


def check_work(surface):
    for title in "first", "second":
        new(surface, title)
        work(surface)
    assert states(surface) == ["waiting", "ready", "ready"]


def test_the_admin_sees_what_the_worker_wrote(start):
    check_work(start(worker))


def test_each_task_has_its_session(start):
    surface = start(worker)
    for _ in range(2):
        worker.build.delay(1)
        work(surface)
    assert len(surface.sessions) == 2


def check_no_broker(start, module):
    """A broker that does not answer fails no request whose row is saved."""
    surface = start(module, broker_url="pyamqp://127.0.0.1:1")
    said = surface.send("POST", NEW, data=surface.signed(NEW, title="saved"))
    assert "Saved, but the queue does not answer." in alerts(said)
    assert states(surface) == ["waiting", "waiting"]


def test_a_broker_that_does_not_answer(start):
    check_no_broker(start, worker)


def test_removal_of_the_exception(start, monkeypatch):
    monkeypatch.setattr("celery._state._on_app_finalizers", set())
    module = without(worker, "except OperationalError:", "except ZeroDivisionError:")
    with pytest.raises(Failure, match=r"OperationalError: .*refused"):
        check_no_broker(start, module)


def check_deleted(surface):
    new(surface, "deleted while it waits")
    surface.delete("/admin/report/", 2)
    work(surface)


def test_a_row_that_is_gone(start):
    check_deleted(start(worker))


def check_fork(surface):
    with surface.app.app_context():
        engine = surface.app.extensions["sqlalchemy"].engine
        engine.connect().close()
        pool = engine.pool
        worker_process_init.send(sender=None)
        assert engine.pool is not pool
        assert pool.checkedin() == 1


def test_a_forked_process_leaves_connections_to_its_parent(start):
    check_fork(start(worker))


def test_a_worker_thread(start):
    surface = start(worker)
    done = queue.Queue()

    def note(state, **kwargs):
        done.put(state)

    task_postrun.connect(note)
    with start_worker(surface.app.extensions["celery"], perform_ping_check=False):
        new(surface, "by a thread")
        assert done.get(timeout=10) == "SUCCESS"
    assert states(surface) == ["waiting", "ready"]


def test_a_worker_process(drive, tmp_path):
    """The command, a queue of files and a process that forks."""
    (tmp_path / "queue").mkdir()
    names = ["data_folder_in", "data_folder_out", "control_folder"]
    options = FAST | dict.fromkeys(names, str(tmp_path / "queue"))
    celery = {"broker_url": "filesystem://", "broker_transport_options": options}
    surface = drive(lambda config: worker.create_app(config | {"CELERY": celery}))
    config = {"SQLALCHEMY_ENGINES": {"default": surface.url}, "CELERY": celery}
    command = [sys.executable, "-m", "flask", "--app"]
    command += [f"snippets.recipes.worker:create_app({config})", "worker"]
    new(surface, "by a process")
    said = ""
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        for line in process.stderr:
            said += line
            if re.search(r"build\[.*\] (succeeded|raised)", line):
                break
        process.terminate()
    assert "succeeded" in said, said
    assert states(surface) == ["waiting", "ready"]


@pytest.mark.parametrize(
    ("line", "replacement", "check", "error", "match"),
    [
        (
            "with app.app_context():\n                return",
            "if True:\n                return",
            check_work,
            RuntimeError,
            "Working outside of application context",
        ),
        (
            "with app.app_context():\n                return",
            "if app.app_context().push() is None:\n                return",
            check_deleted,
            AssertionError,
            "1 == 0",
        ),
        (
            "build.delay(model.id)",
            "build.delay(model)",
            check_work,
            Failure,
            "Object of type Report is not JSON serializable",
        ),
        (
            "def after_model_change",
            "def on_model_change",
            check_work,
            AssertionError,
            "!= 'ready'",
        ),
        (
            "if report is not None:",
            "if True:",
            check_deleted,
            AttributeError,
            "'NoneType' object has no attribute 'state'",
        ),
        ("engine.dispose(close=False)", "pass", check_fork, AssertionError, "is not"),
        (
            "engine.dispose(close=False)",
            "engine.dispose()",
            check_fork,
            AssertionError,
            "0 == 1",
        ),
    ],
)
def test_removal(start, monkeypatch, line, replacement, check, error, match):
    # The task of a copy before this one would keep the name taken.
    monkeypatch.setattr("celery._state._on_app_finalizers", set())
    module = without(worker, line, replacement)
    with pytest.raises(error, match=match):
        check(start(module))
