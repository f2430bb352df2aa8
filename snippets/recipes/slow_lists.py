"""A list page asks the database twice, however many rows it shows.

.. testcode::

    from snippets.models import Post, User
    from snippets.recipes.slow_lists import create_app, db, statements

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    for name in ["Alan", "Barbara"]:
        with app.app_context():
            db.session.add(User(name=name, email=name, posts=[Post(title=name)]))
            db.session.commit()
            engine = db.engine
        with statements(engine) as sent:
            app.test_client().get("/admin/post/")
        print(len(sent))

.. testoutput::

    2
    2
"""

from contextlib import contextmanager

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.orm import selectinload

from snippets.models import Post, create_tables
from snippets.views import SecureView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region recipe
class PostView(SecureView):
    column_list = ["title", "author.name", "tags"]
    column_select_related_list = [Post.author]
    form_columns = ["title", "author"]
    simple_list_pager = True
    can_set_page_size = True
    page_size_options = (20, 50, 100)

    def get_query(self):
        return super().get_query().options(selectinload(Post.tags))

    # Flask-Admin 1.6.1 takes any size from the address; newer releases check it.
    def _get_list_extra_args(self):
        args = super()._get_list_extra_args()
        if args.page_size not in self.page_size_options:
            args.page_size = None
        return args


# endregion recipe


# region count
@contextmanager
def statements(engine):
    """Collect in a list the SQL that an engine sends in a ``with`` block."""
    sent = []

    def note(connection, cursor, statement, *rest):
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


# endregion count


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
