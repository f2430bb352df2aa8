"""What the web recommends fails as its page says; what to write instead works."""

import os
import runpy
from contextlib import contextmanager
from contextvars import copy_context

import pytest
from flask import Flask
from flask_admin import Admin
from sqlalchemy import update

from snippets import web_answers, web_answers_example
from snippets.models import Tag
from snippets.web_answers import TagView, db, new_app, proxied
from tools import claims, results, verdicts
from tools.measure.gunicorn_server import gunicorn
from tools.paths import DOCS, ROOT

MEASURED = results.compatibility()
ANSWERS = [name for name in claims.approaches() if name.startswith("web-")]
NO_REMOVE = "AttributeError: 'Session' object has no attribute 'remove'"


@pytest.fixture
def config(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path}/guide.db"
    monkeypatch.setattr(web_answers, "SQLALCHEMY_DATABASE_URI", url)
    return {"SQLALCHEMY_ENGINES": {"default": url}}


def create_app_instead(config=None):
    app = new_app(config, proxied)
    Admin(app).add_view(TagView(Tag, proxied.session))
    return app


@pytest.mark.parametrize("name", ANSWERS)
def test_no_answer_works_on_the_newest_release(name):
    newest = verdicts.releases(MEASURED)[-1]
    assert verdicts.state(MEASURED, name, newest) == verdicts.FAILS
    page = (DOCS / "web-answers.md").read_text("utf-8")
    assert f'{{{{ guide.verdict("{name}") }}}}' in page


def test_the_extra_alone_fails():
    lines = results.resolutions()["installs"]
    [line] = [e for e in lines if e["requirements"] == ["flask-admin[sqlalchemy-lite]"]]
    assert line["says"]["Flask-SQLAlchemy-Lite"].startswith("ImportError")
    assert line["cure"]["says"]["Flask-SQLAlchemy-Lite"] == "works"


@pytest.mark.parametrize(
    ("create_app", "said"),
    [
        (web_answers.create_app_keyed_in_context, "TimeoutError: QueuePool limit"),
        (create_app_instead, "all answered"),
    ],
)
def test_the_pool_is_exhausted(config, capsys, create_app, said):
    web_answers.exhaust(create_app)
    assert capsys.readouterr().out.startswith(said)


def test_a_context_gets_the_session_of_an_earlier_one(config):
    app, sessions = new_app(config, db), []
    with app.app_context():
        session = web_answers.session_of_context(db)
    for _ in range(1000):
        with app.app_context():
            sessions.append(session())
    assert len({*map(id, sessions)}) < 1000


@pytest.mark.parametrize(
    ("create_app", "said"),
    [
        (web_answers.create_app_hook, NO_REMOVE),
        (create_app_instead, "302 FOUND"),
    ],
)
def test_a_hook_that_removes_the_session(config, capsys, create_app, said):
    web_answers.save(create_app(config))
    assert capsys.readouterr().out == f"{said}\nthe row was saved: yes\n"


@pytest.mark.parametrize("path", ["/admin/tag/", "/other"])
def test_a_teardown_that_removes_the_session(config, path):
    app = web_answers.create_app_teardown(config)
    app.add_url_rule("/other", view_func=lambda: "")
    assert web_answers.attempt(app.test_client().get, path) == NO_REMOVE
    app.teardown_request_funcs.clear()
    assert web_answers.attempt(app.test_client().get, path) == "200 OK"


@pytest.mark.parametrize(
    ("create_app", "said"),
    [
        (web_answers.create_app_pushed, "misses it\nconnections kept: 1\n"),
        (create_app_instead, "shows it\nconnections kept: 0\n"),
    ],
)
def test_a_context_that_is_pushed(config, capsys, create_app, said):
    # The context goes with this one, and not into the tests that follow.
    copy_context().run(lambda: web_answers.look(create_app(config)))
    assert capsys.readouterr().out.endswith(f"the list {said}")


@contextmanager
def served(config, folder, *arguments):
    """Gunicorn with the application whose context was pushed."""
    hook = 'def post_worker_init(worker):\n    worker.log.info("imported")\n'
    folder.joinpath("hook.py").write_text(hook, "utf-8")
    arguments += "--config", str(folder / "hook.py")
    arguments += ("snippets.web_answers:create_app_pushed()",)
    url = config["SQLALCHEMY_ENGINES"]["default"]
    environment = os.environ | {"DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    with gunicorn(folder, environment, arguments) as server:
        server.wait_for("imported")
        yield server


@pytest.mark.parametrize(("threads", "fresh"), [("1", False), ("2", True)])
def test_a_context_that_is_pushed_on_gunicorn(config, tmp_path, threads, fresh):
    """Where the thread that imports the application serves it, requests share it."""
    with served(config, tmp_path, "--threads", threads) as server:
        assert "history" in server.request("GET", "/admin/tag/")[1]
        app = new_app(config, proxied)
        with web_answers.elsewhere(app).begin() as connection:
            connection.execute(update(Tag).where(Tag.id == 1).values(name="past"))
        assert ("past" in server.request("GET", "/admin/tag/")[1]) == fresh


def test_the_example_is_no_application_for_a_server(config, monkeypatch):
    """As a program it has a view, which an import leaves out."""
    answers = []

    def serve(app):
        answers.append(app.test_client().get("/admin/tag/").status)

    monkeypatch.setattr(Flask, "run", serve)
    url = config["SQLALCHEMY_ENGINES"]["default"]
    monkeypatch.setattr("snippets.settings.SQLALCHEMY_ENGINES", {"default": url})
    runpy.run_path(web_answers_example.__file__, run_name="__main__")
    runpy.run_path(web_answers_example.__file__, run_name="app")["app"].run()
    assert answers == ["200 OK", "404 NOT FOUND"]
