"""The select box of a filter shows the rows of now, not those of the start.

.. testcode::

    from snippets.models import User
    from snippets.recipes.fresh_filters import create_app, db

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    client = app.test_client()
    print("Hedy" in client.get("/admin/post/").text)
    with app.app_context():
        db.session.add(User(name="Hedy", email="hedy@example.com"))
        db.session.commit()
    print("Hedy" in client.get("/admin/post/").text)

.. testoutput::

    False
    True
"""

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla.filters import IntEqualFilter
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import select

from snippets.models import Post, User, create_tables
from snippets.views import SecureView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region recipe
class Fresh:
    """Options that are read each time that a list page is made.

    :param read: called without arguments; returns pairs of value and label.
    """

    def __init__(self, read):
        self.read = read

    def __iter__(self):
        return iter(self.read())


def authors():
    return db.session.execute(select(User.id, User.name).order_by(User.name)).all()


class PostView(SecureView):
    column_list = ["title", "author"]
    form_columns = ["title", "author"]
    column_filters = [
        IntEqualFilter(Post.author_id, "Author", options=Fresh(authors)),
    ]


# endregion recipe


class UserView(SecureView):
    form_columns = ["name", "email"]


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    session = LazySession(db)
    admin = Admin(app)
    admin.add_view(PostView(Post, session))
    admin.add_view(UserView(User, session))
    return app
