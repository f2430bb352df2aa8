"""Configure other libraries with ``db.session`` where the application is imported.

.. testcode::

    from snippets.neighbours import PROXY, LITE, answer, factory_boy

    print(answer(factory_boy, LITE))
    print(answer(factory_boy, PROXY))

.. testoutput::

    RuntimeError: Working outside of application context.
    works
"""

# The probes say by assertions what they expect.
# ruff: noqa: S101

import csv
import logging
import sys
import warnings
from tempfile import TemporaryDirectory
from unittest import mock

import flask_session
from factory.alchemy import SQLAlchemyModelFactory
from flask import Flask, session
from flask_admin import Admin
from flask_alembic import Alembic
from flask_dance.consumer import OAuth2ConsumerBlueprint
from flask_dance.consumer.storage.sqla import OAuthConsumerMixin, SQLAlchemyStorage
from flask_login import current_user
from flask_marshmallow import Marshmallow
from flask_migrate import Migrate
from flask_security import Security, SQLAlchemySessionUserDatastore
from flask_sqlalchemy_lite import SQLAlchemy
from marshmallow_sqlalchemy import SQLAlchemyAutoSchema
from sqlalchemy import event
from sqlalchemy.orm import DeclarativeBase, Mapped, Query, mapped_column
from sqlmodel import Session as SQLModelSession
from sqlmodel import select
from wtforms import Form
from wtforms_sqlalchemy.fields import QuerySelectField
from wtforms_sqlalchemy.orm import model_form

from snippets.models import Base, Post, Tag, User, create_tables
from snippets.recipes import flask_security, sqlmodel
from snippets.workarounds.proxy_sqlalchemy import ProxySQLAlchemy

LITE, PROXY = SQLAlchemy, ProxySQLAlchemy


class AccountBase(DeclarativeBase):
    pass


class OAuth(OAuthConsumerMixin, AccountBase):
    id: Mapped[int] = mapped_column(primary_key=True)


TABLES = [Base, AccountBase, flask_security.Base, sqlmodel.Base]


# region answer
def answer(probe, extension):
    """Let a probe configure a library with ``db.session``, then use that twice.

    :param probe: takes ``db`` and a function that makes the application. What comes
        before it calls that function is done at import. Returns a function.
    :param extension: the class of ``db``.
    :return: ``works``, or the exception that came instead.
    """
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        apps, db = [], extension(**getattr(probe, "options", {}))

        def make():
            apps.append(create_app(db, folder))
            return apps[0]

        try:
            use = probe(db, make)
            for _ in range(2):
                use()
            with apps[0].app_context():
                kept = db.engine.pool.checkedout()
        except Exception as error:
            return f"{type(error).__name__}: {error}".splitlines()[0]
        finally:
            for app in apps:
                with app.app_context():
                    db.engine.dispose()
    return f"keeps a session: {kept} connection out" if kept else "works"


def create_app(db, folder):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config["TESTING"] = True
    app.config["SQLALCHEMY_ENGINES"] = {"default": f"sqlite:///{folder}/guide.db"}
    app.config["SECURITY_PASSWORD_SALT"] = "example"  # noqa: S105
    app.config["ALEMBIC"] = {"script_location": f"{folder}/alembic"}
    app.config["MIGRATIONS"] = f"{folder}/migrations"
    db.init_app(app)
    with app.app_context():
        for base in TABLES:
            base.metadata.create_all(db.engine)
        create_tables(db)
    return app


# endregion answer


# region at-import
def factory_boy(db, make):
    """factory_boy: `sqlalchemy_session = db.session`"""

    class TagFactory(SQLAlchemyModelFactory):
        class Meta:
            model = Tag
            sqlalchemy_session = db.session
            sqlalchemy_session_persistence = "commit"

    app, names = make(), iter(["first", "second"])

    def use():
        with app.app_context():
            assert TagFactory(name=next(names)) in db.session

    return use


def flask_dance(db, make):
    """Flask-Dance: `SQLAlchemyStorage(OAuth, db.session)`"""
    storage = SQLAlchemyStorage(OAuth, db.session)
    blueprint = OAuth2ConsumerBlueprint("github", __name__, storage=storage)
    app, token = make(), {"access_token": "example"}
    app.register_blueprint(blueprint)

    def use():
        with app.app_context():
            blueprint.token = token
        with app.app_context():
            assert db.session.scalars(select(OAuth)).one().token == token
            assert storage.get(blueprint) == token

    return use


def marshmallow(db, make):
    """marshmallow-sqlalchemy: `sqla_session = db.session`"""

    class UserSchema(SQLAlchemyAutoSchema):
        class Meta:
            model = User
            load_instance = True
            sqla_session = db.session

    return loads(db, make(), UserSchema)


def flask_marshmallow(db, make):
    """Flask-Marshmallow: `Marshmallow(app)`, then `ma.SQLAlchemyAutoSchema`"""
    app = make()
    extension = Marshmallow(app)

    class UserSchema(extension.SQLAlchemyAutoSchema):
        class Meta:
            model = User
            load_instance = True

    return loads(db, app, UserSchema)


def loads(db, app, schema):
    def use():
        with app.app_context():
            user = schema().load({"id": 1, "name": "Ada", "email": "ada@example.com"})
            assert user in db.session

    return use


def security(db, make):
    """Flask-Security: `SQLAlchemySessionUserDatastore(db.session, …)`"""
    accounts = flask_security.Member, flask_security.Role
    store = SQLAlchemySessionUserDatastore(db.session, *accounts)
    app = make()
    Security(app, store)
    app.add_url_rule("/who", view_func=lambda: current_user.email)
    with app.app_context():
        store.create_user(email="ada@example.com", fs_uniquifier="ada", password="")
        store.commit()
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = "ada"

    def use():
        assert client.get("/who").text == "ada@example.com"

    return use


def wtforms_model(db, make):
    """WTForms-SQLAlchemy: `model_form(Post, db.session)`"""
    form = model_form(Post, db.session, only=["author"])
    return offers(make(), form)


def wtforms_query(db, make):
    """WTForms-SQLAlchemy: `QuerySelectField(query_factory=…)`, a function"""

    class PostForm(Form):
        author = QuerySelectField(query_factory=lambda: db.session.scalars(USERS))

    return offers(make(), PostForm)


USERS = select(User).order_by(User.id)


def offers(app, form):
    def use():
        with app.app_context():
            assert "Grace" in form().author()

    return use


def sqlmodel_views(db, make):
    """SQLModel: `HeroView(Hero, db.session)`"""
    admin = Admin()
    admin.add_view(sqlmodel.HeroView(sqlmodel.Hero, db.session))
    app = make()
    admin.init_app(app)

    def use():
        assert app.test_client().get("/admin/hero/new/").status_code == 200
        assert app.test_client().get("/admin/hero/").status_code == 200

    return use


def query_property(db, make):
    """SQLAlchemy: `query = db.session.query_property()` on a model"""

    class Account:
        query = db.session.query_property()

    app = make()

    def use():
        with app.app_context():
            assert Account.query is None  # The class is not mapped.

    return use


# endregion at-import


# region others
def alembic(db, make):
    """Flask-Alembic: `Alembic(app, metadatas=Base.metadata)`"""
    extension = Alembic(metadatas=[base.metadata for base in TABLES])
    app = make()
    extension.init_app(app)

    def use():
        with app.app_context():
            assert extension.compare_metadata() == []

    return use


def migrate(db, make):
    """Flask-Migrate: `Migrate(app, db)`, then `flask db migrate`"""
    app = make()
    Migrate(app, db, directory=app.config["MIGRATIONS"])

    def use():
        for command in "init", "migrate":
            done = app.test_cli_runner().invoke(args=["db", command])
            if done.exception:
                raise done.exception

    return use


def session_store(db, make):
    """Flask-Session: `SESSION_SQLALCHEMY = db`"""
    app = make()
    app.config.from_mapping(SESSION_TYPE="sqlalchemy", SESSION_SQLALCHEMY=db)
    flask_session.Session(app)
    app.add_url_rule("/", view_func=lambda: str(session.setdefault("count", 1)))
    client = app.test_client()

    def use():
        assert client.get("/").text == "1"

    return use


def sqlmodel_exec(db, make):
    """SQLModel: `db.session.exec(…)` with SQLModel's class of session"""
    app = make()

    def use():
        with app.app_context():
            assert db.session.exec(USERS).first().name == "Ada"

    return use


sqlmodel_exec.options = {"session_options": {"class_": SQLModelSession}}


def listen(db, make):
    """SQLAlchemy, in a context: `event.listen(db.session, …)`"""
    app = make()

    def use():
        seen = []
        with app.app_context():
            event.listen(db.session, "before_commit", seen.append)
            db.session.commit()
            assert seen == [db.session]

    return use


def query(db, make):
    """SQLAlchemy, in a context: `Query(User, session=db.session)`"""
    app = make()

    def use():
        with app.app_context():
            assert Query(User, session=db.session).count() == 2

    return use


def mocked(db, make):
    """unittest.mock, in a context: `patch.object(db.session, "commit")`"""
    app = make()

    def use():
        with app.app_context():
            with mock.patch.object(db.session, "commit") as commit:
                db.session.commit()
            commit.assert_called_once_with()
            assert "commit" not in vars(db.get_session())

    return use


# endregion others

PROBES = [
    factory_boy,
    flask_dance,
    marshmallow,
    flask_marshmallow,
    security,
    wtforms_model,
    sqlmodel_views,
    alembic,
    wtforms_query,
    sqlmodel_exec,
    listen,
    query,
    mocked,
    migrate,
    session_store,
    query_property,
]


def main():
    # Otherwise Alembic reports what it does.
    logging.basicConfig(level="ERROR")
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["Neighbour", "Plain Lite", "ProxySQLAlchemy"])
    for probe in PROBES:
        table.writerow([probe.__doc__, answer(probe, LITE), answer(probe, PROXY)])


if __name__ == "__main__":
    main()
