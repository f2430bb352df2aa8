"""The base class is what makes ``db`` work outside of a context."""

import pytest

from snippets.workarounds import custom_modelview
from tools.measure.removal import without


@pytest.mark.parametrize(
    ("line", "replacement"),
    [
        ("(model, LazySession(db), *", "(model, db, *"),
        ("class UserView(LiteModelView)", "class UserView(ModelView)"),
    ],
)
def test_removal(line, replacement, drive):
    module = without(custom_modelview, line, replacement)
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        drive(module.create_app)


def test_the_base_class_brings_the_token(drive):
    """It is shown as the base of every view, so it is where the form class belongs."""
    surface = drive(custom_modelview.create_app)
    data = {"name": "Eve", "email": "eve@example.com"}
    surface.send("POST", "/admin/user/new/", data=data)
    assert len(surface.rows("/admin/user/")) == 2
    surface.submit("/admin/user/new/", data)
    assert len(surface.rows("/admin/user/")) == 3


def test_removal_of_the_form_class(drive):
    module = without(custom_modelview, "    form_base_class = SecureForm\n")
    surface = drive(module.create_app)
    data = {"name": "Eve", "email": "eve@example.com"}
    surface.send("POST", "/admin/user/new/", data=data)
    assert len(surface.rows("/admin/user/")) == 3
