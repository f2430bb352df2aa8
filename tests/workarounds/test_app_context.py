"""``ModelView(User, db)`` needs the context."""

import pytest

from snippets.workarounds import app_context
from tools.measure.removal import without


def test_the_key_comes_from_the_settings():
    app = app_context.create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    assert app.test_client().get("/admin/user/new/").status_code == 200


def test_removal_of_the_context(drive):
    line = "with app.app_context():\n        admin.add_view("
    module = without(app_context, line, "if True:\n        admin.add_view(")
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        drive(module.create_app)
