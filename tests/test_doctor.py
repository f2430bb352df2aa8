"""The doctor names what is wrong with an installation and with an application."""

import subprocess
import sys
import types

import pytest
from flask import Flask, Response
from flask_admin import Admin, expose
from flask_admin.contrib.sqla import ModelView
from flask_admin.contrib.sqla.ajax import QueryAjaxModelLoader
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import create_engine, select

from snippets import doctor
from snippets.models import Post, Tag, User, create_tables
from snippets.published.scoped_session import create_app_in_context
from snippets.workarounds import lazy_session
from snippets.workarounds.lazy_session import LazySession
from tools import claims
from tools.measure import compatibility
from tools.paths import ROOT


@pytest.fixture
def examine(tmp_path, monkeypatch, capsys):
    """Run the doctor as its command does, on a factory; return code and output."""

    def run(factory):
        config = {"SQLALCHEMY_ENGINES": {"default": f"sqlite:///{tmp_path}/guide.db"}}
        module = types.ModuleType("patient")
        module.create_app = lambda: factory(config)
        monkeypatch.setitem(sys.modules, "patient", module)
        code = doctor.main(["--app", "patient:create_app"])
        return code, capsys.readouterr().out

    return run


def application(*views):
    """A factory of an application with views made by ``view(db)`` in a context."""

    def create_app(config):
        app, db = Flask(__name__), SQLAlchemy()
        app.config.from_mapping(config | {"SECRET_KEY": "testing"})
        db.init_app(app)
        admin = Admin(app)
        with app.app_context():
            create_tables(db)
            for view in views:
                admin.add_view(view(db))
        return app

    return create_app


def captured(db):
    view = ModelView(Tag, LazySession(db))
    view.session = db.session
    return view


def captured_by_a_loader(db):
    loader = QueryAjaxModelLoader("author", db.session, User, fields=["name"])

    class PostView(ModelView):
        form_ajax_refs = {"author": loader}

    return PostView(Post, LazySession(db))


def writing(db):
    class WritingView(ModelView):
        @expose("/")
        def index_view(self):
            self.session.add(Tag(name="written by a list page"))
            self.session.commit()
            return Response("done")

    return WritingView(Tag, LazySession(db))


def test_a_healthy_application(examine):
    code, said = examine(lazy_session.create_app)
    assert code == 0
    assert (
        "works: ModelView(User, db.session) with db = ProxySQLAlchemy() (docs/" in said
    )
    assert said.count("no fault found") == 3


def test_a_session_captured_in_a_context(examine):
    code, said = examine(application(captured))
    assert code == 1
    assert "Tag: the view holds a session" in said
    assert "the session of an earlier request, stale reads" in said


def test_a_session_captured_by_a_loader(examine):
    code, said = examine(application(captured_by_a_loader))
    assert code == 1
    assert "Post: the ajax loader of the field 'author' holds a session" in said


def test_a_process_wide_scoped_session(examine):
    code, said = examine(create_app_in_context)
    assert code == 1
    assert "GET /admin/user/: 1 connection kept" in said
    assert "the session of an earlier request, stale reads" in said


def test_a_context_left_pushed(examine):
    contexts = []

    def create_app(config):
        app = lazy_session.create_app(config)
        contexts.append(app.app_context())
        contexts[-1].push()
        return app

    try:
        code, said = examine(create_app)
    finally:
        contexts.pop().pop()
    assert code == 1
    assert "An application context was pushed and not popped" in said


def test_lite_alone_with_the_release_that_needs_both(tmp_path):
    wanted = claims.environments()["flask-admin==2.2.1, Lite alone"]
    lines, limits = compatibility.requirements(wanted)
    (tmp_path / "limits.txt").write_text("\n".join(limits))
    (tmp_path / "wanted.txt").write_text("\n".join(["-c limits.txt", *lines]))
    command = ["uv", "run", "--quiet", "--isolated", "--no-project"]
    command += ["--python", sys.executable]
    command += ["--with-requirements", str(tmp_path / "wanted.txt")]
    command += ["python", "-m", "snippets.doctor"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "Flask-SQLAlchemy is not installed" in done.stdout
    assert "cannot import name 'T_SESSION'" in done.stdout
    assert "Install flask-sqlalchemy too; you need not use it." in done.stdout


def test_a_page_that_fails_is_not_called_healthy(examine):
    factory = application(lambda db: ModelView(Tag, LazySession(db)))

    def create_app(config):
        app = factory(config)
        app.before_request(lambda: Response("log in", 403))
        return app

    code, said = examine(create_app)
    assert code == 1
    assert "Tag: GET /admin/tag/: status 403, not examined" in said


def test_nothing_is_written(examine, tmp_path):
    code, said = examine(application(writing))
    assert code == 1
    assert "GET /admin/tag/: status 500, not examined" in said
    with create_engine(f"sqlite:///{tmp_path}/guide.db").connect() as connection:
        names = connection.scalars(select(Tag.name)).all()
    assert len(names) == 2
    assert "written by a list page" not in names


def test_removal_of_the_refusal(examine, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "refuse_to_write", lambda *arguments: None)
    with pytest.raises(AssertionError):
        test_nothing_is_written(examine, tmp_path)


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        (lambda config: Flask(__name__), "Your application has no Admin"),
        (lambda config: 1 / 0, "cannot be made: ZeroDivisionError: division by zero"),
        (
            lambda config: lazy_session.create_app(
                {"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}
            ),
            "StaticPool does not count its connections.",
        ),
    ],
)
def test_what_cannot_be_examined_is_said_in_a_sentence(factory, words, examine):
    code, said = examine(factory)
    assert code == 1
    assert words in said.splitlines()[-1]


def test_bad_command_line(capsys):
    with pytest.raises(SystemExit) as stop:
        doctor.main(["--app", "no_such_module"])
    assert stop.value.code == 2
    assert "Could not import 'no_such_module'" in capsys.readouterr().err
