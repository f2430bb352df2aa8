"""The base class is what makes ``db`` work outside of a context."""

import pytest

from snippets.workarounds import custom_modelview
from tools.measure.removal import without


def test_removal_of_the_wrapper(drive):
    module = without(custom_modelview, "(model, LazySession(db), *", "(model, db, *")
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        drive(module.create_app)


def test_removal_of_the_base_class(drive):
    module = without(
        custom_modelview,
        "LiteUserView(UserView, LiteModelView)",
        "LiteUserView(UserView)",
    )
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        drive(module.create_app)


def test_the_list_shows_both_halves_of_the_job(drive):
    """Views that share one database see what the other wrote."""
    surface = drive(custom_modelview.create_app)
    surface.submit("/admin/tag/new/", {"name": "compilers"})
    assert "compilers" in surface.get("/admin/post/edit/", id=1)
