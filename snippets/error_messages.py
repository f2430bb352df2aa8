"""Raise the messages that people meet on the way, each from a mistake of a few lines.

.. testcode::

    from snippets.error_messages import message, secret_key

    print(message(secret_key)[:71])

.. testoutput::

    RuntimeError: The session is unavailable because no secret key was set.
"""

import csv
import importlib
import re
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask, request, session
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_login import LoginManager, current_user
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, String, func, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    raiseload,
    relationship,
)


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "error_user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    posts: Mapped[list["Post"]] = relationship(back_populates="author")


class Post(Base):
    __tablename__ = "error_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(80))
    author_id: Mapped[int] = mapped_column(ForeignKey("error_user.id"))
    author: Mapped[User] = relationship(back_populates="posts")


class UserView(ModelView):
    form_base_class = SecureForm


def make(url="sqlite://", **options):
    """An application with two rows; ``db`` is plain Flask-SQLAlchemy-Lite."""
    app, db = Flask(__name__), SQLAlchemy()
    app.config["SECRET_KEY"] = "testing"
    app.config["SQLALCHEMY_ENGINES"] = {"default": {"url": url} | options}
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        db.session.add(User(name="Ada", posts=[Post(title="A first post")]))
        db.session.commit()
    return app, db


# region db-as-session
def used_as_session(name):
    """``self.session.commit()`` where ``self.session`` is ``db``."""

    def probe():
        _, db = make()
        getattr(db, name)

    return probe


def contains():
    _, db = make()
    User() in db


# endregion db-as-session


# region objects
def detached():
    app, db = make()
    with app.app_context():
        user = db.session.scalar(select(User))
    user.posts


def expired():
    app, db = make()
    with app.app_context():
        user = db.session.scalar(select(User))
        db.session.expire(user)
    user.name


def two_sessions():
    app, db = make()
    with app.app_context(), Session(db.engine) as other:
        post = other.scalar(select(Post))
        db.session.add(Post(title="Second", author=post.author))
        db.session.flush()


def not_loaded():
    app, db = make()
    with app.app_context():
        db.session.scalar(select(User).options(raiseload(User.posts))).posts


def deleted():
    app, db = make()
    with app.app_context():
        user = db.session.scalar(select(User))
        db.session.expire(user)
        db.session.connection().exec_driver_sql("DELETE FROM error_user")
        user.name


def duplicate():
    app, db = make()
    with app.app_context():
        db.session.add(User(name="Ada"))
        db.session.commit()


def after_a_failure():
    app, db = make()
    with app.app_context():
        try:
            duplicate_in(db)
        except Exception:
            db.session.scalar(select(User))


def duplicate_in(db):
    db.session.add(User(name="Ada"))
    db.session.flush()


def without_author():
    app, db = make()
    with app.app_context():
        db.session.delete(db.session.scalar(select(User)))
        db.session.commit()


def changed_elsewhere():
    app, db = make()
    with app.app_context():
        user = db.session.scalar(select(User))
        db.session.connection().exec_driver_sql("DELETE FROM error_user")
        user.name = "Grace"
        db.session.flush()


def model_query():
    User.query


def base_of_the_other_extension():
    _, db = make()
    db.Model


def create_all():
    _, db = make()
    db.create_all()


def another_thread():
    app, db = make("sqlite:///file:errors?mode=memory&uri=true")
    caught = []
    with app.app_context():
        connection = db.session.connection().connection.driver_connection

        def use():
            try:
                connection.execute("SELECT 1")
            except Exception as error:
                caught.append(error)

        thread = threading.Thread(target=use)
        thread.start()
        thread.join()
    raise caught[0]


# endregion objects


# region set-up
def no_engine():
    app, db = Flask(__name__), SQLAlchemy()
    app.config["SQLALCHEMY_ENGINES"] = {}
    db.init_app(app)


def uri_of_the_other_extension():
    app, db = Flask(__name__), SQLAlchemy()
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    db.init_app(app)


def unknown_engine():
    app, db = make()
    with app.app_context():
        db.get_engine("archive")


def circular_import():
    with TemporaryDirectory() as folder:
        Path(folder, "shop.py").write_text("import shop_views\ndb = None\n")
        Path(folder, "shop_views.py").write_text("from shop import db\n")
        sys.path.insert(0, folder)
        try:
            importlib.import_module("shop")
        finally:
            sys.path.remove(folder)


def twice():
    app, db = make()
    db.init_app(app)


def secret_key():
    app = Flask(__name__)
    with app.test_request_context():
        session["user"] = 1


def secure_form_without_key():
    app, db = make()
    app.secret_key = None
    with app.app_context():
        Admin(app).add_view(UserView(User, db))
    app.testing = True
    app.test_client().get("/admin/user/new/")


def request_context():
    request.path


def same_endpoint():
    app, db = make()
    with app.app_context():
        admin = Admin(app)
        admin.add_view(UserView(User, db))
        admin.add_view(UserView(User, db))


def two_admins():
    app, _ = make()
    Admin(app)
    Admin(app)


def views_after_a_request():
    app, db = make()
    app.test_client().get("/")
    with app.app_context():
        Admin(app).add_view(UserView(User, db))


def login_without_loader():
    app, db = make()
    LoginManager(app)
    view = type("View", (UserView,), {"is_accessible": logged_in})
    with app.app_context():
        Admin(app).add_view(view(User, db))
    app.testing = True
    app.test_client().get("/admin/user/")


def logged_in(view):
    return current_user.is_authenticated


def no_table():
    app, db = make()
    with app.app_context():
        Base.metadata.drop_all(db.engine)
        db.session.scalar(select(func.count(User.id)))


# endregion set-up


# region views
def view_with(**settings):
    def probe():
        app, db = make()
        view = type("View", (UserView,), settings)
        with app.app_context():
            Admin(app).add_view(view(User, db))
        app.testing = True
        return app.test_client().get("/admin/user/").text

    return probe


def not_a_session(view):
    return view.session().query(User)


def select_as_query(view):
    return select(User)


def any_type_error(view):
    return len(view.model)


# endregion views


USED = ["commit", "add", "delete", "flush", "rollback", "execute", "scalars"]
USED += ["begin_nested", "no_autoflush"]
PROBES = [
    *[used_as_session(name) for name in USED],
    contains,
    detached,
    expired,
    two_sessions,
    not_loaded,
    deleted,
    duplicate,
    after_a_failure,
    without_author,
    changed_elsewhere,
    model_query,
    base_of_the_other_extension,
    create_all,
    another_thread,
    no_engine,
    uri_of_the_other_extension,
    unknown_engine,
    circular_import,
    twice,
    secret_key,
    secure_form_without_key,
    request_context,
    same_endpoint,
    two_admins,
    views_after_a_request,
    login_without_loader,
    no_table,
    view_with(column_searchable_list=["nickname"]),
    view_with(column_filters=["nickname"]),
    view_with(form_columns=["nickname"]),
    view_with(column_editable_list=["posts.title"]),
    view_with(form_ajax_refs={"posts": {}}),
    view_with(inline_models=[User]),
    view_with(get_query=not_a_session),
    view_with(get_query=select_as_query),
    view_with(get_query=any_type_error),
]


def message(probe):
    """What a probe raises, in one line.

    :raises AssertionError: when it raises nothing: the page would be wrong.
    """
    try:
        probe()
    except Exception as error:
        text = f"{type(error).__name__}: {error}".splitlines()[0]
        text = re.sub(r" \(/.*\)$", "", text)
        return re.sub(r"(?<=0x)[0-9a-f]+|(?<=thread id )\d+", "…", text)
    raise AssertionError(f"{probe} raises nothing")


def main():
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["Message"])
    for text in dict.fromkeys(map(message, PROBES)):
        table.writerow([text])


if __name__ == "__main__":
    main()
