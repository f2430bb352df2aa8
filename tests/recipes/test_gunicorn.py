"""Two processes with two threads each serve one admin."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from snippets.recipes import gunicorn, gunicorn_conf
from tools.measure.gunicorn_server import Server

PROGRAM = Path(gunicorn.__file__).read_text("utf-8")
SOURCE = Path(gunicorn_conf.__file__).read_text("utf-8")
# What the hook of a worker says about the pool of its engine.
MORE = """
def post_worker_init(worker):
    app = worker.app.wsgi()
    with app.app_context():
        pool = app.extensions["sqlalchemy"].engine.pool
    worker.log.info("%s connections inherited", pool.checkedin())
"""


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/guide.db"


@pytest.fixture
def serve(tmp_path, url):
    """Start gunicorn as the page does, in a folder of its own, lines replaced."""

    @contextmanager
    def serve(*replacements, key="testing", arguments=()):
        source = SOURCE + MORE
        for line, replacement in replacements:
            assert source.count(line) == 1
            source = source.replace(line, replacement)
        (tmp_path / "app.py").write_text(PROGRAM, "utf-8")
        (tmp_path / "gunicorn.conf.py").write_text(source, "utf-8")
        command = [sys.executable, "-m", "gunicorn", "app:create_app()", *arguments]
        command += ["--bind", "127.0.0.1:0", "--no-control-socket"]
        environment = {"DATABASE_URL": url, "SECRET_KEY": key}
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
        ) as process:
            server = Server(process)
            try:
                server.port = int(server.wait_for(r"Listening at: http://.*:(\d+)")[1])
                yield server
            finally:
                process.terminate()

    return serve


def test_clients_at_the_same_time(serve, url):
    names = {f"by client {number}" for number in range(12)}
    with serve() as server, ThreadPoolExecutor(6) as pool:
        server.wait_for("Booting worker")
        answers = list(
            pool.map(lambda name: server.create(name, *server.form()), names)
        )
        pages = [server.request("GET", "/admin/tag/")[1] for _ in range(6)]
    assert set(answers) == {302}
    assert all(name in page for name in names for page in pages)
    engine = create_engine(url)
    with engine.connect() as connection:
        assert names == set(connection.scalars(text("SELECT name FROM gunicorn_tag")))
    engine.dispose()


def test_workers_leave_the_connections_of_the_parent(serve):
    with serve() as server:
        inherited = [server.wait_for(r"(\d) connections inherited")[1] for _ in "12"]
    assert inherited == ["0", "0"]


NO_PRELOAD = "preload_app = True", ""
NO_EXIT = "sys.exit(", "print("


def test_without_a_key_and_without_preload_it_does_not_start(serve, url):
    gunicorn.create_app({"SQLALCHEMY_ENGINES": {"default": url}})
    said = "Set SECRET_KEY: without preload_app no two workers have the same."
    with pytest.raises(RuntimeError, match=said), serve(NO_PRELOAD, key=""):
        pass


def test_without_a_key_it_warns(serve):
    with serve(key="") as server:
        # It has said so before it listens.
        assert "SECRET_KEY is not set: each start ends all logins." in server.said


def test_with_a_key_it_does_not_warn(serve):
    with serve() as server:
        server.wait_for("Booting worker")
    assert "SECRET_KEY" not in server.said


def check_form(serve, *replacements, key="testing"):
    """Take a form from one worker and send it to the other."""
    with (
        serve(*replacements, key=key, arguments=["--threads", "1"]) as server,
        ExitStack() as stack,
    ):
        for _ in "12":
            server.wait_for("connections inherited")
        with server.busy():
            form = server.form()
            stack.enter_context(server.busy())
        assert server.create("to the other worker", *form) == 302


def test_a_form_goes_to_either_worker(serve):
    check_form(serve)


def test_preload_shares_even_a_random_key(serve):
    check_form(serve, key="")


def test_removal_of_the_key(serve, url):
    """Without the preloading that shares it: each worker draws its own."""
    gunicorn.create_app({"SQLALCHEMY_ENGINES": {"default": url}})
    with pytest.raises(AssertionError, match="200 == 302"):
        check_form(serve, NO_EXIT, NO_PRELOAD, key="")


def test_removal_of_the_disposal(serve):
    removed = ("engine.dispose(close=False)", "pass")
    with pytest.raises(AssertionError, match=r"\['1', '1'\] == \['0', '0'\]"):
        test_workers_leave_the_connections_of_the_parent(lambda: serve(removed))
