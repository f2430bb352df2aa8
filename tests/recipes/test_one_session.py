"""What a form offers comes from the session that saves it."""

import re

import pytest
from bs4 import BeautifulSoup
from sqlalchemy.orm import scoped_session

from snippets.recipes import one_session
from snippets.recipes.one_session import Post
from tools.measure.removal import without
from tools.measure.surface import alerts

NEW = {"title": "On the analytical engine", "author": "1"}


def author_of_the_new_post(surface):
    with surface.elsewhere() as session:
        post = session.query(Post).filter_by(title=NEW["title"]).one_or_none()
        return post and post.author.name


def check_saving(surface):
    page = surface.submit("/admin/post/new/", NEW)
    assert "successfully" in alerts(page), alerts(page)
    assert author_of_the_new_post(surface) == "Ada"
    page = surface.submit("/admin/post/edit/", {"title": "Edited"}, id=1)
    assert "successfully" in alerts(page), alerts(page)


def test_saving(surface):
    check_saving(surface)


def test_the_form_asks_for_what_the_view_names(surface):
    page = BeautifulSoup(surface.get("/admin/post/new/"), "html.parser")
    names = {field["name"] for field in page.select("input[name], select[name]")}
    assert {name for name in names if not name.startswith("_")} == {
        "title",
        "author",
        "csrf_token",
    }


def test_what_is_not_offered_is_not_saved(surface):
    page = surface.submit("/admin/post/new/", NEW | {"author": "2"})
    assert "Not a valid choice" in page
    assert author_of_the_new_post(surface) is None


def test_a_form_without_a_token_is_rejected(surface):
    surface.send("POST", "/admin/post/new/", data=NEW)
    assert author_of_the_new_post(surface) is None


ATTACHED = (
    r"Object '<User at 0x[0-9a-f]+>' is already attached to session '\d+' "
    r"\(this is '\d+'\)"
)


def test_a_second_session(drive):
    """The mistake: the query of a session of its own."""
    module = without(
        one_session, "db.session.query(User)", "db.sessionmaker().query(User)"
    )
    surface = drive(module.create_app)
    said = alerts(surface.submit("/admin/post/new/", NEW))
    assert re.search(ATTACHED, said), said
    assert author_of_the_new_post(surface) is None


def test_the_published_scoped_session_is_a_second_one(drive):
    module = without(one_session, "PostView(Post, db.session)", "view(Post)")
    module.view = lambda model: module.PostView(
        model, scoped_session(lambda: module.db.sessionmaker())
    )
    said = alerts(drive(module.create_app).submit("/admin/post/new/", NEW))
    assert re.search(ATTACHED, said), said


@pytest.mark.parametrize(
    ("line", "replacement", "error"),
    [
        ("db.session.query(User)", "db.sessionmaker().query(User)", AssertionError),
        ('"query_factory": authors', '"query_factory": authors()', RuntimeError),
    ],
)
def test_removal(line, replacement, error, drive):
    with pytest.raises(error, match=r"attached|outside of application"):
        check_saving(drive(without(one_session, line, replacement).create_app))


def test_removal_of_the_filter(drive):
    line = '.filter(User.email.startswith("a"))'
    surface = drive(without(one_session, line).create_app)
    with pytest.raises(AssertionError):
        test_what_is_not_offered_is_not_saved(surface)


def test_removal_of_the_token(drive):
    line = "    form_base_class = SecureForm\n"
    with pytest.raises(AssertionError):
        test_a_form_without_a_token_is_rejected(
            drive(without(one_session, line).create_app)
        )
