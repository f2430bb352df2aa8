"""Export a large table as CSV, a few rows at a time, without live formulas.

.. testcode::

    from snippets.recipes.streamed_export import Post, create_app, db

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    with app.app_context():
        db.session.get(Post, 1).title = "=1+1"
        db.session.commit()
    answer = app.test_client().get("/admin/post/export/csv/?search=1")
    print(answer.text.splitlines())

.. testoutput::

    ['Title,Author,Tags', "'=1+1,Ada,history"]
"""

import re
from numbers import Number

from flask import Flask, after_this_request, request
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import selectinload

from snippets.models import Post, create_tables
from snippets.views import SecureView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region recipe
# A spreadsheet may split at other characters than the comma, and skips blanks.
FORMULA = re.compile(r"(?:^|(?<=[;\t\r\n]))(?=[\s\0]*[=+\-@\uff0b\uff0d\uff1d\uff20])")


class StreamedExport:
    """Put before a view in the bases of a class."""

    def get_list(self, *args, execute=True, **kwargs):
        if request.endpoint != f"{self.endpoint}.export":
            return super().get_list(*args, execute=execute, **kwargs)
        count, query = super().get_list(*args, execute=False, **kwargs)
        # The request's session is closed before the first row is asked for.
        session = db.sessionmaker()

        @after_this_request
        def close_with_the_answer(response):
            response.call_on_close(session.close)
            return response

        return count, query.with_session(session).yield_per(100)

    def get_export_value(self, model, name):
        value = super().get_export_value(model, name)
        return value if isinstance(value, Number) else FORMULA.sub("'", str(value))


class PostView(StreamedExport, SecureView):
    column_list = ["title", "author", "tags"]
    column_searchable_list = ["title"]
    column_filters = ["author.name"]
    column_select_related_list = [Post.author]
    form_columns = ["title", "author"]

    def get_query(self):
        return super().get_query().options(selectinload(Post.tags))


# endregion recipe


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    admin = Admin(app)
    admin.add_view(PostView(Post, LazySession(db)))
    return app
