"""Put the session handling into one base class that takes ``db``.

.. testcode::

    from snippets.workarounds.custom_modelview import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print(client.get("/admin/user/").status)
    print("ada@example.com" in client.get("/admin/user/?search=ada").text)

.. testoutput::

    200 OK
    True
"""

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import Post, Tag, User, create_tables
from snippets.views import PostView, TagView, UserView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region base
class LiteModelView(ModelView):
    """A ``ModelView`` that takes Lite's ``db``, in a context or not.

    :param model: a mapped class.
    :param db: a ``flask_sqlalchemy_lite.SQLAlchemy``.
    """

    def __init__(self, model, db, *args, **kwargs):
        super().__init__(model, LazySession(db), *args, **kwargs)


class LiteUserView(UserView, LiteModelView):
    pass


class LitePostView(PostView, LiteModelView):
    pass


class LiteTagView(TagView, LiteModelView):
    pass


# endregion base


# region app
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    admin = Admin(app)
    admin.add_view(LiteUserView(User, db))
    admin.add_view(LitePostView(Post, db))
    admin.add_view(LiteTagView(Tag, db))
    return app


# endregion app
