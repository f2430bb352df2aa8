"""Roles for the admin, by Flask-Security on Flask-SQLAlchemy-Lite.

.. testcode::

    from snippets.recipes.flask_security import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    client = app.test_client()
    print(client.get("/admin/post/").location)
    print("You must sign in to view this resource." in client.get("/login").text)

.. testoutput::

    /login?next=/admin/post/
    True
"""

import os
import secrets
from datetime import timedelta
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, abort, current_app, has_app_context
from flask import session as browser_session
from flask_admin import Admin, AdminIndexView
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_security import (
    FSQLALiteUserDatastore,
    RoleMixin,
    Security,
    UserMixin,
    current_user,
    user_authenticated,
)
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Column, ForeignKey, String, Table
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


class Post(Base):
    __tablename__ = "flask_security_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))


# region accounts
member_role = Table(
    "flask_security_member_role",
    Base.metadata,
    Column("member_id", ForeignKey("flask_security_member.id"), primary_key=True),
    Column("role_id", ForeignKey("flask_security_role.id"), primary_key=True),
)


class Role(RoleMixin, Base):
    __tablename__ = "flask_security_role"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    description: Mapped[str | None] = mapped_column(String(255))

    def __str__(self):
        return self.name


class Member(UserMixin, Base):
    __tablename__ = "flask_security_member"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(255), unique=True)
    password: Mapped[str] = mapped_column(String(255))
    active: Mapped[bool]
    # Held by the login cookie; a new value ends the logins of the account.
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    roles: Mapped[list[Role]] = relationship(secondary=member_role)


# endregion accounts


# region settings
def security_settings():
    return dict(
        # Part of every stored hash: with another value no password fits any more.
        SECURITY_PASSWORD_SALT=os.environ.get("SECURITY_PASSWORD_SALT"),
        SECURITY_PASSWORD_HASH="pbkdf2_sha512",  # noqa: S106
        SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS={
            "pbkdf2_sha512__default_rounds": 220_000
        },
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_LOGOUT_CSRF=True,
        SECURITY_POST_LOGIN_VIEW="/admin/",
        SECURITY_POST_LOGOUT_VIEW="/login",
        SESSION_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_SECURE=True,
        REMEMBER_COOKIE_DURATION=timedelta(days=14),
    )


# endregion settings


# region views
class RoleOnly:
    """Mix in before a view class: only accounts with one of ``roles`` get in."""

    form_base_class = SecureForm
    roles = ["admin"]

    def is_accessible(self):
        return any(map(current_user.has_role, self.roles))

    def inaccessible_callback(self, name, **kwargs):
        if current_user.is_authenticated:
            abort(403)
        return current_app.login_manager.unauthorized()


class Index(RoleOnly, AdminIndexView):
    roles = ["admin", "editor"]


class PostView(RoleOnly, ModelView):
    roles = ["admin", "editor"]


class MemberView(RoleOnly, ModelView):
    can_create = False
    column_list = ["email", "active", "roles"]
    form_columns = ["active", "roles"]


def forget_tokens(app, **extra):
    # Somebody else may know a CSRF token from before the login.
    browser_session.pop("csrf", None)
    browser_session.pop("csrf_token", None)


# endregion views


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping(
        # A random key ends all logins at each start: set one outside of development.
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
        SQLALCHEMY_ENGINES={
            "default": os.environ.get("DATABASE_URL", "sqlite:///guide.db")
        },
    )
    # region before
    app.config.from_mapping(security_settings())
    # endregion before
    app.config.from_mapping(config)
    db.init_app(app)
    # region app
    Security(app, FSQLALiteUserDatastore(db, Member, Role))
    user_authenticated.connect(forget_tokens, app)
    # Flask-Security's API tokens would open the admin, also from an address.
    app.login_manager.request_loader(lambda request: None)
    # endregion app
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Post, 1) is None:
            posts = [Post(title=f"Post {number}") for number in (1, 2, 3)]
            db.session.add_all(posts)
            db.session.commit()

    # region admin
    admin = Admin(app, index_view=Index())
    # endregion admin
    # region add
    admin.add_view(PostView(Post, db.session))
    admin.add_view(MemberView(Member, db.session))
    # endregion add
    return app
