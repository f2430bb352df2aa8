"""Applications of one factory live side by side, and build without a context."""

import re

import pytest

from snippets.models import User
from snippets.recipes import app_factory
from tools.measure.removal import without

OUTSIDE = "Working outside of application context."
NOT_REGISTERED = (
    "The current Flask app is not registered with this 'SQLAlchemy' instance."
)
REGISTERED_TWICE = "The name 'post' is already registered for a different blueprint."


@pytest.fixture
def pair(drive):
    return drive(app_factory.create_app), drive(app_factory.create_app)


def titles(surface):
    return [row for row in surface.rows("/admin/post/") if "Added" in row]


def test_each_application_has_its_own_rows(pair):
    first, second = pair
    first.submit("/admin/post/new/", {"title": "Added to the first"})
    second.submit("/admin/post/new/", {"title": "Added to the second"})
    assert ["first" in row for row in titles(first)] == [True]
    assert ["second" in row for row in titles(second)] == [True]


def test_each_application_has_each_view_once(pair):
    for surface in pair:
        assert surface.get("/admin/").count('href="/admin/tag/"') == 1


def test_choices_are_read_for_each_request(pair):
    first, second = pair
    assert "Katherine" not in first.get("/admin/post/new/")
    with first.elsewhere() as session:
        session.add(User(name="Katherine", email="katherine@example.com"))
        session.commit()
    assert "Katherine" in first.get("/admin/post/new/")
    assert "Katherine" not in second.get("/admin/post/new/")


def make_two(drive, line, replacement):
    module = without(app_factory, line, replacement)
    drive(module.create_app)
    drive(module.create_app)


@pytest.mark.parametrize(
    ("line", "replacement", "message"),
    [
        ("db.init_app(app)", "", NOT_REGISTERED),
        ("with app.app_context():", "if True:", OUTSIDE),
        ("session = LazySession(db)", "session = db.session", OUTSIDE),
        ("lambda: db.session.scalars", "db.session.scalars", OUTSIDE),
        (
            "admin = Admin(app)",
            # The same as `admin = Admin()` in the module.
            'admin = globals().setdefault("admin", Admin())\n    admin.init_app(app)',
            REGISTERED_TWICE,
        ),
    ],
)
def test_removal(line, replacement, message, drive):
    with pytest.raises((RuntimeError, ValueError), match=re.escape(message)):
        make_two(drive, line, replacement)
