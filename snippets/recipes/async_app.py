"""Asynchronous views and a synchronous admin on one database.

.. testcode::

    from tempfile import TemporaryDirectory

    from snippets.recipes.async_app import create_app

    with TemporaryDirectory() as folder:
        engines = {"default": f"sqlite:///{folder}/guide.db"}
        client = create_app({"SQLALCHEMY_ENGINES": engines}).test_client()
        print(client.get("/posts").json[0])
        print("Notes on the engine" in client.get("/admin/post/").text)

.. testoutput::

    {'author': 'Grace', 'title': 'A compiler'}
    True
"""

from flask import Blueprint, Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import NullPool, make_url, select
from sqlalchemy.orm import joinedload

from snippets.models import Post, create_tables
from snippets.views import PostView
from snippets.workarounds.lazy_session import LazySession

# region recipe
db = SQLAlchemy()
pages = Blueprint("pages", __name__)


@pages.get("/posts")
async def posts():
    query = select(Post).options(joinedload(Post.author)).order_by(Post.title)
    # Not db.async_session: that one is closed in another event loop.
    async with db.async_sessionmaker() as session:
        found = await session.scalars(query)
        return [{"title": post.title, "author": post.author.name} for post in found]


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    url = make_url(app.config["SQLALCHEMY_ENGINES"]["default"])
    app.config["SQLALCHEMY_ASYNC_ENGINES"] = {
        "default": {
            "url": url.set(drivername="sqlite+aiosqlite"),
            # Each request has an event loop of its own, and so needs a connection
            # of its own.
            "poolclass": NullPool,
        }
    }
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    app.register_blueprint(pages)
    admin = Admin(app)
    admin.add_view(PostView(Post, LazySession(db)))
    return app


# endregion recipe
