"""Lists are read from a replica; forms, lookups and writes use the primary.

.. testcode::

    import shutil
    from tempfile import TemporaryDirectory

    from snippets.recipes.replica import create_app

    with TemporaryDirectory() as folder:
        primary, replica = f"{folder}/primary.db", f"{folder}/replica.db"
        engines = {"default": f"sqlite:///{primary}", "replica": f"sqlite:///{replica}"}
        client = create_app({"SQLALCHEMY_ENGINES": engines}).test_client()
        shutil.copy(primary, replica)
        print("A compiler" in client.get("/admin/post/").text)

.. testoutput::

    True
"""

import os
import time

from flask import Flask, current_app, g, has_request_context
from flask import session as cookie
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.orm import Session

from snippets.models import Post, Tag, create_tables
from snippets.views import PostView, TagView
from snippets.workarounds.lazy_session import LazySession


# region recipe
class RoutingSession(Session):
    def get_bind(self, *args, **kwargs):
        if g.get("read_replica"):
            return db.get_engine("replica")
        return super().get_bind(*args, **kwargs)


@event.listens_for(RoutingSession, "after_commit")
def read_own_writes(session):
    if has_request_context():
        cookie["primary_until"] = time.time() + current_app.config["REPLICA_LAG"]


class ReplicaListMixin:
    """For a view whose list and export may be some seconds old."""

    def get_list(self, *args, **kwargs):
        # Not in get_query: bulk actions load with it what they change.
        g.read_replica = time.time() > cookie.get("primary_until", 0)
        return super().get_list(*args, **kwargs)


class ReplicaPostView(ReplicaListMixin, PostView):
    pass


class ReplicaTagView(ReplicaListMixin, TagView):
    pass


db = SQLAlchemy(session_options={"class_": RoutingSession})
# endregion recipe


# region app
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config["REPLICA_LAG"] = 10
    app.config.from_mapping(config)
    engines = app.config["SQLALCHEMY_ENGINES"]
    # On your own machine one database can play both parts.
    replica = os.environ.get("REPLICA_URL", engines["default"])
    app.config["SQLALCHEMY_ENGINES"] = {"replica": replica} | engines
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    session = LazySession(db)
    admin = Admin(app)
    admin.add_view(ReplicaPostView(Post, session))
    admin.add_view(ReplicaTagView(Tag, session))
    return app


# endregion app
