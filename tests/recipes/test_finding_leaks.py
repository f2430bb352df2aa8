"""A request that keeps its connection is named, and no other one."""

import gc

import pytest

from snippets.recipes import finding_leaks, stale_data
from snippets.recipes.finding_leaks import no_leaks
from tools.measure.removal import without

LEAK = """\
        # The leak: a session that nobody closes.
        session = db.sessionmaker()
        return f"{session.query(User).count()} users"
"""
NEW = {"name": "Alan", "email": "alan@example.com"}


def visit_all(surface, no_leaks=no_leaks):
    with no_leaks(surface.app):
        surface.get("/admin/user/", search="a")
        surface.get("/admin/user/details/", id=1)
        surface.get("/admin/user/export/csv/")
        surface.submit("/admin/user/new/", NEW)
        surface.submit("/admin/user/new/", NEW)
        surface.submit("/admin/user/edit/", {"name": "Augusta"}, id=1)
        assert surface.get("/admin/report/") == "3 users"
        surface.get("/admin/user/")


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
            surface.get("/admin/user/")
            surface.get("/admin/report/")

    assert names(surface, visit) == "leaking: GET /admin/report/, GET /admin/report/"


@pytest.mark.parametrize(
    "cure",
    [
        '        return f"{db.session.query(User).count()} users"\n',
        "        with db.sessionmaker() as session:\n"
        '            return f"{session.query(User).count()} users"\n',
    ],
)
def test_the_cures(drive, cure):
    visit_all(drive(without(finding_leaks, LEAK, cure).create_app))


def test_a_view_with_a_kept_session(drive):
    module = without(finding_leaks, "LazySession(db)", "kept(db)")
    module.kept = stale_data.kept
    surface = drive(module.create_app)
    # Once at first, and once after each of the two commits.
    view = "GET /admin/user/"
    assert names(surface) == f"leaking: {view}, {view}, {view}, GET /admin/report/"


def test_sqlite_in_memory_has_no_pool_that_counts():
    app = finding_leaks.create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    with pytest.raises(AttributeError, match="checkedout"), no_leaks(app):
        app.test_client().get("/admin/user/")


def garbage_is_kept(surface, no_leaks):
    with no_leaks(surface.app):
        assert not gc.isenabled()
    assert gc.isenabled()


def test_garbage_is_kept_in_between(surface):
    garbage_is_kept(surface, no_leaks)


@pytest.mark.parametrize("line", ["gc.disable()\n", "gc.enable()\n"])
def test_removal_of_the_garbage(line, surface):
    module = without(finding_leaks, line, "pass\n")
    with pytest.raises(AssertionError):
        garbage_is_kept(surface, module.no_leaks)
    gc.enable()


@pytest.mark.parametrize(
    ("line", "replacement"),
    [("if kept > before:", "if kept:"), ("before = kept\n", "pass\n")],
)
def test_removal_of_the_comparison(line, replacement, surface):
    module = without(finding_leaks, line, replacement)
    assert "GET /admin/user/" in names(surface, no_leaks=module.no_leaks)


def test_removal_of_the_error(surface):
    visit_all(surface, without(finding_leaks, "if leaking:", "if False:").no_leaks)
