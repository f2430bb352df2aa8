"""Set up the connection pool of one engine, and survive a server that hangs up.

.. testcode::

    from tempfile import TemporaryDirectory

    from snippets.recipes.connection_pool import POOL, create_app

    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/guide.db"
        app = create_app({"SQLALCHEMY_ENGINES": {"default": url}})
        print(app.test_client().get("/admin/user/").status)
        with app.app_context():
            pool = db.engine.pool
            print(pool.size(), pool.checkedin(), pool.checkedout())

.. testoutput::

    200 OK
    8 1 0
"""

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import User, create_tables
from snippets.views import SecureView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


class UserView(SecureView):
    form_columns = ["name", "email"]


# region recipe
POOL = {
    # A connection that the server has closed is replaced when a request takes it.
    "pool_pre_ping": True,
    # Seconds: shorter than the server or a firewall keeps an idle connection.
    "pool_recycle": 1800,
    # A request uses one connection: as many as a process has threads.
    "pool_size": 8,
    "max_overflow": 0,
    # Seconds that a request waits for a free one before it fails.
    "pool_timeout": 10,
}


def create_app(config=None, pool=POOL):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    url = app.config["SQLALCHEMY_ENGINES"]["default"]
    app.config["SQLALCHEMY_ENGINES"] = {"default": {"url": url, **pool}}
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    admin = Admin(app)
    admin.add_view(UserView(User, LazySession(db)))
    return app


# endregion recipe
