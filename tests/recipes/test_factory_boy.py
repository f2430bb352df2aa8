"""What a factory makes in a context is what the admin lists after it."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import object_session
from sqlalchemy.orm.exc import DetachedInstanceError

from snippets.recipes import factory_boy
from tools.measure.removal import without

GIVEN = "sqlalchemy_session = db.session"


def make(surface, module=factory_boy):
    with surface.app.app_context():
        module.PostFactory.create_batch(3, author__name="Ada")
    return ["Ada" in row for row in surface.rows("/admin/post/")]


def test_the_admin_lists_what_factories_made(surface):
    assert make(surface) == [True, True, True]
    surface.submit("/admin/post/edit/", {"title": "Edited"}, id=3)
    assert "Edited" in surface.rows("/admin/post/", search="edited")[0]
    with surface.app.app_context():
        assert factory_boy.db.session.get(factory_boy.Post, 3).title == "Edited"


@pytest.fixture
def run(pytester):
    """Run the tests of the page with pytest, after replacing a part of them."""

    def run(part="", replacement=""):
        source = Path(factory_boy.__file__).read_text("utf-8")
        assert not part or source.count(part) == 1
        pytester.makepyfile(source.replace(part, replacement) if part else source)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-k", "test_")

    return run


def test_the_tests_of_the_page(run):
    run().assert_outcomes(passed=2)


@pytest.mark.parametrize(
    ("part", "replacement", "failed"),
    [
        ('column_list = ["title", "author"]', 'column_list = ["title"]', "second_page"),
        ('column_searchable_list = ["title"]', 'form_columns = ["author"]', "edit"),
    ],
)
def test_the_tests_of_the_page_can_fail(run, part, replacement, failed):
    found = run(part, replacement)
    found.assert_outcomes(passed=1, failed=1)
    found.stdout.fnmatch_lines([f"FAILED *::test_{failed} *"])


def test_each_context_has_its_session(surface):
    sessions = set()
    for _ in range(2):
        with surface.app.app_context():
            session = object_session(factory_boy.UserFactory())
            assert session is factory_boy.db.get_session()
            sessions.add(session)
    assert len(sessions) == 2


def test_an_object_is_detached_after_its_context(surface):
    with surface.app.app_context():
        user = factory_boy.UserFactory()
    with pytest.raises(DetachedInstanceError, match="is not bound to a Session"):
        user.name  # noqa: B018


def test_a_sequence_starts_at_0_in_each_process(surface):
    """On a database that keeps its rows, a unique column is met again."""
    factory_boy.UserFactory.reset_sequence(0)
    with surface.app.app_context():
        email = factory_boy.UserFactory().email
        factory_boy.UserFactory.reset_sequence(0)
        assert email == "user0@example.com"
        taken = r"UNIQUE constraint failed|duplicate key value|Duplicate entry"
        with pytest.raises(IntegrityError, match=taken):
            factory_boy.UserFactory()


def test_outside_of_a_context(surface):
    with pytest.raises(RuntimeError, match=r"Working outside of application context\."):
        factory_boy.UserFactory()


PLAIN = "db = ProxySQLAlchemy()", "db = SQLAlchemy()"


def test_removal_of_the_proxy():
    with pytest.raises(RuntimeError, match=r"Working outside of application context\."):
        without(factory_boy, *PLAIN)


def test_a_function_without_the_proxy(drive, tmp_path):
    """What plain Flask-SQLAlchemy-Lite needs instead."""
    plain = tmp_path / "plain.py"
    source = Path(factory_boy.__file__).read_text("utf-8")
    assert source.count(GIVEN) == 1
    function = "sqlalchemy_session_factory = lambda: db.session"
    plain.write_text(source.replace(GIVEN, function), "utf-8")
    copy = SimpleNamespace(__file__=plain, __name__="plain_factory_boy")
    session = "PostView(Post, db.session)", "PostView(Post, LazySession(db))"
    plain.write_text(plain.read_text("utf-8").replace(*session), "utf-8")
    module = without(copy, *PLAIN)
    assert make(drive(module.create_app), module) == [True, True, True]


@pytest.mark.parametrize("replacement", ['"flush"', "None"])
def test_removal_of_the_commit(drive, replacement):
    module = without(factory_boy, '"commit"', replacement)
    assert make(drive(module.create_app), module) == []
