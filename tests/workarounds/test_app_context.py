"""``ModelView(User, db)`` needs the context, and warns of nothing inside it."""

import pytest

from snippets.workarounds import app_context
from tools.measure.removal import without

FACTORIES = [app_context.create_app, app_context.create_app_with_init_app]


@pytest.mark.parametrize("factory", FACTORIES)
def test_it_opens(factory, drive):
    assert len(drive(factory).rows("/admin/user/")) == 2


@pytest.mark.parametrize("factory", FACTORIES)
def test_the_key_comes_from_the_settings(factory):
    app = factory({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    assert app.test_client().get("/admin/user/new/").status_code == 200


def test_removal_of_the_context(drive):
    inside = """\
    with app.app_context():
        create_tables(db)
        admin.add_view(UserView(User, db))
        admin.add_view(PostView(Post, db))
        admin.add_view(TagView(Tag, db))
    return app


# endregion app
"""
    outside = inside.replace("        admin", "    admin")
    module = without(app_context, inside, outside)
    with pytest.raises(RuntimeError, match="Working outside of application context"):
        drive(module.create_app)
