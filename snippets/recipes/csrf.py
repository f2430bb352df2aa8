"""Reject a form that another site sends, on each route that changes a row.

.. testcode::

    from snippets.recipes.csrf import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    answer = app.test_client().post("/admin/post/delete/", data={"id": 1})
    print(answer.status, "The CSRF token is missing." in answer.text)

.. testoutput::

    400 BAD REQUEST True
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, has_app_context, render_template_string, request
from flask_admin import Admin, BaseView, expose
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import BaseForm
from flask_sqlalchemy_lite import SQLAlchemy
from flask_wtf import CSRFProtect, FlaskForm
from sqlalchemy import String, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from werkzeug.local import LocalProxy


class LazySession(LocalProxy):
    """A proxy for the session of the current application context.

    :param db: a ``flask_sqlalchemy_lite.SQLAlchemy``.
    :raises RuntimeError: when it is used outside of an application context.
        Creating it needs none.
    """

    def __init__(self, db):
        super().__init__(db.get_session)

    @property
    def session(self):
        return self

    def __call__(self):
        return self._get_current_object()

    def __getattr__(self, name):
        # Flask-Admin looks for "_action" while the views are made.
        if name.startswith("_") and not has_app_context():
            raise AttributeError(name)
        return getattr(self._get_current_object(), name)


class ProxySQLAlchemy(SQLAlchemy):
    """Flask-SQLAlchemy-Lite with a ``db.session`` that is looked up on each use."""

    @cached_property
    def session(self) -> Session:
        return cast(Session, LazySession(self))

    def init_app(self, app):
        count = len(app.teardown_appcontext_funcs)
        super().init_app(app)
        if not app.config.get("SQLALCHEMY_ASYNC_ENGINES"):
            # Lite's asynchronous teardown breaks gevent and has nothing to close.
            added = app.teardown_appcontext_funcs[count:]
            app.teardown_appcontext_funcs[count:] = [
                function for function in added if not iscoroutinefunction(function)
            ]


db = ProxySQLAlchemy()


class Base(DeclarativeBase):
    pass


class Post(Base):
    __tablename__ = "csrf_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    published: Mapped[bool] = mapped_column(default=False)


# region recipe
csrf = CSRFProtect()


class CSRFForm(BaseForm):
    """Takes the token that ``CSRFProtect`` checks, and checks it too."""

    Meta = FlaskForm.Meta


# endregion recipe


# region views
class PostView(ModelView):
    form_base_class = CSRFForm
    column_editable_list = ["title"]


# endregion views


class PublishView(BaseView):
    """A page of your own, which no form of Flask-Admin protects."""

    @expose("/", methods=["GET", "POST"])
    def index(self):
        if request.method == "POST":
            db.session.execute(update(Post).values(published=True))
            db.session.commit()
        return render_template_string(PUBLISH)


PUBLISH = """<form method="post">
<input type="hidden" name="csrf_token" value="{{ csrf_token() }}">
<button>Publish everything</button>
</form>"""


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping(
        # A random key ends all logins at each start: set one outside of development.
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
        SQLALCHEMY_ENGINES={
            "default": os.environ.get("DATABASE_URL", "sqlite:///guide.db")
        },
    )
    app.config.from_mapping(config)
    db.init_app(app)
    # region app
    app.config["SESSION_COOKIE_SAMESITE"] = "Lax"
    csrf.init_app(app)
    # endregion app
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Post, 1) is None:
            posts = [Post(title=f"Post {number}") for number in (1, 2, 3)]
            db.session.add_all(posts)
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_view(PostView(Post, db.session))
    # endregion add
    admin.add_view(PublishView(name="Publish", endpoint="publish"))
    return app
