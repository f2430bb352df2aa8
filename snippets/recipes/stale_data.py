"""Show what other processes committed, without a restart.

.. testcode::

    from tempfile import TemporaryDirectory

    from sqlalchemy import create_engine, text

    from snippets.recipes.stale_data import LazySession, create_app, kept

    def see_a_change_made_elsewhere(session):
        with TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/guide.db"
            app = create_app({"SQLALCHEMY_ENGINES": {"default": url}}, session)
            client = app.test_client()
            client.get("/admin/user/edit/?id=1")
            with create_engine(url).begin() as elsewhere:
                elsewhere.execute(text("UPDATE user SET name = 'Augusta'"))
            return "Augusta" in client.get("/admin/user/edit/?id=1").text

    print(see_a_change_made_elsewhere(LazySession))
    print(see_a_change_made_elsewhere(kept))

.. testoutput::

    True
    False
"""

from flask import Flask
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import scoped_session

from snippets.models import User, create_tables
from snippets.views import SecureView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


class UserView(SecureView):
    form_columns = ["name", "email"]


# region kept
def kept(db):
    """The mistake: a session for each thread that nothing ever closes."""
    return scoped_session(lambda: db.sessionmaker())


# endregion kept


# region recipe
def create_app(config=None, session=LazySession):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    # No app_context().push(): requests would share that context and its session.
    with app.app_context():
        create_tables(db)

    admin = Admin(app)
    admin.add_view(UserView(User, session(db)))
    return app


# endregion recipe
