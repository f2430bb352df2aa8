"""The base class is what makes ``db`` work outside of a context."""

import pytest

from snippets.workarounds import custom_modelview
from tools.measure.removal import without


@pytest.mark.parametrize(
    ("line", "replacement"),
    [
        ("(model, LazySession(db), *", "(model, db, *"),
        ("(view, LiteModelView)", "(view,)"),
    ],
)
def test_removal(line, replacement, drive):
    module = without(custom_modelview, line, replacement)
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        drive(module.create_app)


def test_the_list_shows_both_halves_of_the_job(drive):
    """Views that share one database see what the other wrote."""
    surface = drive(custom_modelview.create_app)
    surface.submit("/admin/tag/new/", {"name": "compilers"})
    assert "compilers" in surface.get("/admin/post/edit/", id=1)
