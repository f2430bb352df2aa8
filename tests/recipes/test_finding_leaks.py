"""A request that keeps its connection is named, and no other one."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest
from flask import stream_with_context

from snippets.recipes import finding_leaks
from snippets.recipes.finding_leaks import no_leaks
from snippets.recipes.stale_data_kept import kept
from tools.listing import program
from tools.measure.removal import without

LEAK = """\
        # The leak: a session that nobody closes.
        session = db.sessionmaker()
        return f"{session.query(Post).count()} posts"
"""
NEW = {"title": "A second post"}


def visit_all(surface, no_leaks=no_leaks):
    with no_leaks(surface.app):
        surface.get("/admin/post/", search="a")
        surface.get("/admin/post/details/", id=1)
        surface.get("/admin/post/export/csv/")
        surface.submit("/admin/post/new/", NEW)
        surface.submit("/admin/post/new/", NEW)
        surface.submit("/admin/post/edit/", {"title": "Changed"}, id=1)
        assert surface.get("/admin/report/") == "2 posts"
        surface.get("/admin/post/")


def names(surface, visit=visit_all, **options):
    with pytest.raises(AssertionError) as found:
        visit(surface, **options)
    return str(found.value).splitlines()[0]


def test_the_leak_is_named_and_nothing_else(surface):
    assert names(surface) == "leaking: GET /admin/report/"


def test_each_leak_is_named(surface):
    def visit(surface):
        with no_leaks(surface.app):
            surface.get("/admin/report/")
            surface.get("/admin/post/")
            surface.get("/admin/report/")

    assert names(surface, visit) == "leaking: GET /admin/report/, GET /admin/report/"


@pytest.mark.parametrize(
    "cure",
    [
        '        return f"{db.session.query(Post).count()} posts"\n',
        "        with db.sessionmaker() as session:\n"
        '            return f"{session.query(Post).count()} posts"\n',
    ],
)
def test_the_cures(drive, cure):
    module = without(finding_leaks, LEAK, cure)
    visit_all(drive(module.create_app), module.no_leaks)


def test_a_view_with_a_kept_session(drive):
    module = without(finding_leaks, "PostView(Post, db.session)", "view(Post)")
    module.view = lambda model: module.PostView(model, kept(module.db))
    surface = drive(module.create_app)
    # Once at first, and once after each of the two commits.
    view = "GET /admin/post/"
    found = names(surface, no_leaks=module.no_leaks)
    assert found == f"leaking: {view}, {view}, {view}, GET /admin/report/"


def streaming(drive, module, late):
    """An answer that reads rows while it is sent, with a session from before or now."""

    def rows(query):
        for post in query or module.db.session.query(module.Post):
            yield post.title

    def stream():
        query = None if late else module.db.session.query(module.Post)
        return stream_with_context(rows(query))

    def create_app(config):
        app = module.create_app(config)
        app.add_url_rule("/stream", view_func=stream)
        return app

    surface = drive(create_app)
    with module.no_leaks(surface.app):
        assert surface.get("/stream") == "A first post"


def test_a_streamed_answer(drive):
    streaming(drive, finding_leaks, late=True)


def test_a_streamed_answer_that_leaks(drive):
    """The session of the view was closed when the answer began; this opens it again."""
    with pytest.raises(AssertionError, match="leaking: GET /stream"):
        streaming(drive, finding_leaks, late=False)


def closing(drive, module):
    """An answer whose session is closed when the answer is."""

    def answer():
        session = module.db.sessionmaker()
        response = module.Flask.response_class(session.get(module.Post, 1).title)
        response.call_on_close(session.close)
        return response

    def create_app(config):
        app = module.create_app(config)
        app.add_url_rule("/closing", view_func=answer)
        return app

    surface = drive(create_app)
    with module.no_leaks(surface.app):
        assert surface.get("/closing") == "A first post"
        # An answer without a body has nothing to close.
        assert surface.client.head("/admin/post/").status_code == 200


def test_an_answer_that_closes_its_session(drive):
    closing(drive, finding_leaks)


def test_removal_of_the_reading(drive):
    module = without(finding_leaks, "answer = list(body)", "answer = body")
    with pytest.raises(AssertionError, match="assert '' == 'A first post'"):
        streaming(drive, module, late=False)


def test_removal_of_the_end(drive):
    with pytest.raises(AssertionError, match="leaking: GET /closing"):
        closing(drive, without(finding_leaks, "body.close()", "pass"))


def test_sqlite_in_memory_has_no_pool_that_counts():
    app = finding_leaks.create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    with pytest.raises(AttributeError, match="checkedout"), no_leaks(app):
        app.test_client().get("/admin/post/")


def garbage_is_kept(surface, no_leaks):
    with no_leaks(surface.app):
        assert not gc.isenabled()
    assert gc.isenabled()


def test_garbage_is_kept_in_between(surface):
    garbage_is_kept(surface, no_leaks)


def test_the_application_is_as_before(surface):
    before = surface.app.wsgi_app
    with no_leaks(surface.app):
        assert surface.app.wsgi_app != before
    assert surface.app.wsgi_app == before


def test_the_program_is_a_test_that_passes(tmp_path):
    source = Path(finding_leaks.__file__).read_text("utf-8")
    (tmp_path / "test_leaks.py").write_text(program(source), "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "test_leaks.py"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "2 passed" in done.stdout, done.stdout


def with_app(module, line, replacement, drive):
    """A copy of the module, and a surface of its own application."""
    copy = without(module, line, replacement)
    return drive(copy.create_app), copy.no_leaks


@pytest.mark.parametrize("line", ["gc.disable()\n", "gc.enable()\n"])
def test_removal_of_the_garbage(line, drive):
    surface, watch = with_app(finding_leaks, line, "pass\n", drive)
    with pytest.raises(AssertionError):
        garbage_is_kept(surface, watch)
    gc.enable()


def test_removal_of_the_comparison(drive):
    line = "if pool.checkedout() > before:"
    surface, watch = with_app(finding_leaks, line, "if pool.checkedout():", drive)
    assert "GET /admin/post/" in names(surface, no_leaks=watch)


def test_removal_of_the_error(drive):
    visit_all(*with_app(finding_leaks, "if leaking:", "if False:", drive))


def test_removal_of_the_return_to_before(drive):
    line = "        app.wsgi_app = wsgi_app\n"
    surface, watch = with_app(finding_leaks, line, "", drive)
    before = surface.app.wsgi_app
    with watch(surface.app):
        pass
    assert surface.app.wsgi_app != before
