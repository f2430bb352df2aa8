"""Administer tables that exist already, without writing their models.

.. testcode::

    from tempfile import TemporaryDirectory

    from snippets.recipes.reflected_tables import create_app

    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/library.db"
        app = create_app({"SQLALCHEMY_ENGINES": {"default": url}})
        client = app.test_client()
        print("Ada Lovelace" in client.get("/admin/book/").text)
        print(client.get("/admin/login/").status)

.. testoutput::

    True
    404 NOT FOUND
"""

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String, inspect, text
from sqlalchemy.ext.automap import automap_base, generate_relationship

from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region recipe
TABLES = ["author", "book"]


class Row:
    """What all reflected models have in common."""

    def __str__(self):
        columns = list(inspect(type(self)).column_attrs)
        texts = (c.key for c in columns if isinstance(c.columns[0].type, String))
        return str(getattr(self, next(texts, columns[0].key)))


def relation(*args, **options):
    # Automap would delete an author's books, also by taking them out of a form.
    options.pop("cascade", None)
    return generate_relationship(*args, **options)


def reflect(db):
    """Make models of the tables in ``TABLES``.

    :raises RuntimeError: outside of an application context.
    :raises sqlalchemy.exc.InvalidRequestError: when a table does not exist.
    """
    base = automap_base(cls=Row)
    base.metadata.reflect(db.engine, only=TABLES)
    base.prepare(generate_relationship=relation)
    # Flask-Admin 1.6.1 would look for the relations before they are made.
    base.registry.configure()
    return [base.classes[name] for name in TABLES]


# endregion recipe


class TableView(ModelView):
    form_base_class = SecureForm


# region app
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db.engine)
        models = reflect(db)

    admin = Admin(app)
    for model in models:
        admin.add_view(TableView(model, LazySession(db)))
    return app


# endregion app


def create_tables(engine):
    """Stand in for whoever made the tables."""
    if inspect(engine).has_table("author"):
        return
    with engine.begin() as connection:
        for statement in [
            "CREATE TABLE author (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL)",
            "CREATE TABLE book (id INTEGER PRIMARY KEY, title VARCHAR NOT NULL,"
            " author_id INTEGER NOT NULL REFERENCES author (id))",
            "CREATE TABLE login (id INTEGER PRIMARY KEY, password VARCHAR NOT NULL,"
            " author_id INTEGER REFERENCES author (id))",
            "CREATE TABLE visit (page VARCHAR NOT NULL)",
            "INSERT INTO author (name) VALUES ('Ada Lovelace'), ('Grace Hopper')",
            "INSERT INTO book (title, author_id) VALUES ('Notes', 1), ('Sketch', 1)",
            "INSERT INTO login (password, author_id) VALUES ('for her eyes only', 1)",
        ]:
            connection.execute(text(statement))
