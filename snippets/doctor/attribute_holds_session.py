"""FAL014: a formatter that closes over a session.

.. testcode::

    from snippets.doctor.attribute_holds_session import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/tag/").status)

.. testoutput::

    200 OK
"""

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import func, select

from snippets.models import Post, Tag, create_tables
from snippets.views import TagView

db = SQLAlchemy()


# region sick
def tag_view():
    session = db.session

    def count_posts(view, context, tag, name):
        query = select(func.count()).where(Post.tags.contains(tag))
        return str(session.scalar(query))

    class CountingView(TagView):
        column_list = ["name", "posts"]
        column_formatters = {"posts": count_posts}

    return CountingView(Tag, db)


# endregion sick


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)
        Admin(app).add_view(tag_view())
    return app
