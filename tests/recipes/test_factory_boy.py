"""What a factory makes in a context is what the admin lists after it."""

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import DetachedInstanceError

from snippets.recipes import factory_boy
from tools.measure.removal import without


def make(surface, module=factory_boy):
    with surface.app.app_context():
        module.PostFactory.create_batch(3, author__name="Ada")
    return ["Ada" in row for row in surface.rows("/admin/post/")]


def test_the_admin_lists_what_factories_made(surface):
    assert make(surface) == [False, False, True, True, True]
    surface.submit("/admin/post/edit/", {"title": "Edited"}, id=5)
    assert "Edited" in surface.rows("/admin/post/", search="edited")[0]
    with surface.app.app_context():
        assert factory_boy.db.session.get(factory_boy.Post, 5).title == "Edited"


@pytest.mark.parametrize("test", [factory_boy.test_second_page, factory_boy.test_edit])
def test_the_tests_of_the_page(surface, test):
    test(surface.app)
    assert surface.pool.checkedout() == 0


def test_each_context_has_its_session(surface):
    sessions = set()
    for _ in range(2):
        with surface.app.app_context():
            factory_boy.UserFactory()
            session = factory_boy.UserFactory._meta.sqlalchemy_session
            assert session is factory_boy.db.session
            sessions.add(session)
    assert len(sessions) == 2


def test_an_object_is_detached_after_its_context(surface):
    with surface.app.app_context():
        user = factory_boy.UserFactory()
    with pytest.raises(DetachedInstanceError, match="is not bound to a Session"):
        user.name  # noqa: B018


def test_a_sequence_starts_anew_in_each_process(surface):
    """On a database that keeps its rows, a unique column is met again."""
    factory_boy.UserFactory.reset_sequence(0)
    with surface.app.app_context():
        email = factory_boy.UserFactory().email
        factory_boy.UserFactory.reset_sequence(0)
        assert email == "user0@example.com"
        with pytest.raises(IntegrityError, match="UNIQUE constraint failed"):
            factory_boy.UserFactory()


def test_outside_of_a_context(surface):
    with pytest.raises(RuntimeError, match=r"Working outside of application context\."):
        factory_boy.UserFactory()


def test_removal_of_the_function():
    line = "sqlalchemy_session_factory = get_session"
    with pytest.raises(RuntimeError, match=r"Working outside of application context\."):
        without(factory_boy, line, "sqlalchemy_session = db.session")


@pytest.mark.parametrize("replacement", ['"flush"', "None"])
def test_removal_of_the_commit(drive, replacement):
    module = without(factory_boy, '"commit"', replacement)
    assert make(drive(module.create_app), module) == []
