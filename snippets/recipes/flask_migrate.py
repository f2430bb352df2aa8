"""Migrations of plain SQLAlchemy models with Flask-Migrate and an edited env.py.

.. testcode::

    from contextlib import redirect_stdout
    from io import StringIO
    from tempfile import TemporaryDirectory

    from snippets.recipes.flask_migrate import create_app

    with TemporaryDirectory() as folder, redirect_stdout(StringIO()) as said:
        app = create_app(
            {
                "SQLALCHEMY_ENGINES": {"default": f"sqlite:///{folder}/guide.db"},
                "MIGRATIONS": f"{folder}/migrations",
            }
        )
        page = app.test_client().get("/admin/tag/").text
    print("create_the_tables.py ...  done" in said.getvalue())
    print("history" in page)

.. testoutput::

    True
    True
"""

import os
import shutil
from pathlib import Path

import flask_migrate
from flask import Flask
from flask_admin import Admin
from flask_migrate import Migrate
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import inspect

from snippets.models import Tag, seed
from snippets.recipes import flask_migrate_env
from snippets.views import TagView
from snippets.workarounds.lazy_session import LazySession

# region recipe
db = SQLAlchemy()


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(example(app))
    app.config.from_mapping(config)
    db.init_app(app)
    Migrate(app, db, directory=app.config["MIGRATIONS"])
    first_start(app)

    admin = Admin(app)
    admin.add_view(TagView(Tag, LazySession(db)))
    return app


# endregion recipe


# region example
def example(app):
    """Keep the example apart: a revision drops tables that it does not know."""
    url = os.environ.get("DATABASE_URL", "sqlite:///flask_migrate.db")
    return {
        "SQLALCHEMY_ENGINES": {"default": url},
        "MIGRATIONS": f"{app.instance_path}/flask_migrate",
    }


def first_start(app):
    """Do once what you do by hand: ``init``, edit, ``migrate``, ``upgrade``."""
    folder = Path(app.config["MIGRATIONS"])
    with app.app_context():
        if inspect(db.engine).get_table_names():
            return
        if not folder.exists():
            flask_migrate.init()
            shutil.copy(flask_migrate_env.__file__, folder / "env.py")
            flask_migrate.migrate(message="Create the tables")
        flask_migrate.upgrade()
        seed(db.session)


# endregion example
