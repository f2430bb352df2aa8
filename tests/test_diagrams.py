"""What the pictures of docs/_templates/diagrams.jinja say happens."""

import pytest
from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from sqlalchemy import event, text

from snippets.index import Base, Post
from snippets.workarounds.proxy_sqlalchemy import ProxySQLAlchemy
from tools.measure.surface import Failure


@pytest.fixture
def save(drive):
    """Save a new row, with a hook that raises; return the order of events, and rows."""

    def run(failing=None):
        seen, db = [], ProxySQLAlchemy()

        class View(ModelView):
            form_base_class = SecureForm

            def validate_form(self, form):
                seen.append("validate")
                return super().validate_form(form)

            def on_model_change(self, form, model, is_created):
                seen.append(f"on_model_change: {model.title}")
                if failing == "on_model_change":
                    raise ValueError(failing)

            def after_model_change(self, form, model, is_created):
                seen.append("after_model_change")
                if failing == "after_model_change":
                    raise ValueError(failing)

        def create_app(config):
            app = Flask(__name__)
            app.config.from_mapping(config)
            db.init_app(app)
            with app.app_context():
                Base.metadata.create_all(db.engine)
                for name in "before_flush", "after_commit":
                    event.listen(
                        db.sessionmaker, name, lambda *_, name=name: seen.append(name)
                    )
            Admin(app).add_view(View(Post, db.session))
            return app

        surface = drive(create_app)
        seen.clear()
        try:
            surface.submit("/admin/post/new/", {"title": "New"})
        except Failure as error:
            seen.append(str(error))
        with surface.elsewhere() as session:
            return seen, session.scalar(text("SELECT count(*) FROM index_post"))

    return run


def test_the_order_of_a_save(save):
    seen, rows = save()
    assert rows == 1
    order = ["validate", "on_model_change: New", "before_flush", "after_commit"]
    # The form is validated when it is shown, too.
    assert [*dict.fromkeys(seen)] == [*order, "after_model_change"]


def test_on_model_change_that_raises(save):
    seen, rows = save("on_model_change")
    assert (seen[-1], rows) == ("on_model_change: New", 0)


def test_after_model_change_that_raises(save):
    seen, rows = save("after_model_change")
    assert (seen[-1], rows) == ("ValueError: after_model_change", 1)
