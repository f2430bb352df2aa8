"""A content security policy for the admin: a nonce for scripts, and no handler.

.. testcode::

    from snippets.recipes.content_security_policy import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    policy = app.test_client().get("/admin/post/").content_security_policy
    print(policy.default_src, policy.style_src, policy.object_src)
    print(policy.script_src[:7], "unsafe" in policy.to_header())

.. testoutput::

    'self' 'self' 'none'
    'nonce- False
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, Response, g, has_app_context, request
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
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


class Author(Base):
    __tablename__ = "content_security_policy_author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    posts: Mapped[list["Post"]] = relationship(back_populates="author")

    def __str__(self):
        return self.name


class Post(Base):
    __tablename__ = "content_security_policy_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))
    author_id: Mapped[int | None] = mapped_column(ForeignKey(Author.id))
    author: Mapped[Author | None] = relationship(back_populates="posts")


# region recipe
# What onclick="" of Flask-Admin says, done on a click and on nothing else.
HANDLERS = r"""document.addEventListener("click", event => {
  if (event.target.closest("a[href^='javascript:']")) event.preventDefault();
  const element = event.target.closest("a[onclick], button[onclick]");
  const call = /^(?:return )?(\w+\.\w+)\((?:this, )?'(.*)'\);$/.exec(
    element ? element.getAttribute("onclick") : "");
  if (!call) return;
  if (call[1] === "faForm.addInlineField") faForm.addInlineField(element, call[2]);
  if (call[1] === "modelActions.execute") modelActions.execute(call[2]);
  if (call[1] === "faHelpers.safeConfirm" && !confirm(call[2])) event.preventDefault();
});
"""


def nonce():
    """The nonce of this request, the same in its header and in all its tags."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe()
    return g.nonce


def add_policy(response):
    if request.path.startswith("/admin/"):
        policy = response.content_security_policy
        policy.default_src = "'self'"
        policy.script_src = f"'nonce-{nonce()}'"
        policy.style_src = "'self'"
        policy.img_src = "'self' data:"
        policy.object_src = policy.base_uri = policy.frame_ancestors = "'none'"
        policy.form_action = "'self'"
    return response


class PolicyView(ModelView):
    form_base_class = SecureForm
    extra_js = ["/admin-handlers.js"]


# endregion recipe


class AuthorView(PolicyView):
    can_view_details = True
    column_filters = ["name"]
    inline_models = [(Post, {"form_columns": ["id", "title"]})]


class PostView(PolicyView):
    can_view_details = True
    column_searchable_list = ["title"]
    column_editable_list = ["title"]


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
    app.after_request(add_policy)

    @app.get("/admin-handlers.js")
    def admin_handlers():
        return Response(HANDLERS, mimetype="text/javascript")

    # endregion app
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Author, 1) is None:
            posts = [Post(title="Notes on the engine"), Post(title="On tables")]
            db.session.add(Author(name="Ada", posts=posts))
            db.session.commit()

    # region admin
    admin = Admin(app, csp_nonce_generator=nonce)
    # endregion admin
    admin.add_view(AuthorView(Author, db.session))
    admin.add_view(PostView(Post, db.session))
    return app
