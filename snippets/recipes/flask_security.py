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

from flask import Flask, abort, current_app
from flask_admin import Admin, AdminIndexView
from flask_security import (
    FSQLALiteUserDatastore,
    RoleMixin,
    Security,
    UserMixin,
    current_user,
)
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Column, ForeignKey, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from snippets.models import Post, User, create_tables
from snippets.views import PostView, UserView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


# region accounts
member_role = Table(
    "member_role",
    Base.metadata,
    Column("member_id", ForeignKey("member.id"), primary_key=True),
    Column("role_id", ForeignKey("role.id"), primary_key=True),
)


class Role(RoleMixin, Base):
    __tablename__ = "role"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    description: Mapped[str | None]


class Member(UserMixin, Base):
    __tablename__ = "member"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    password: Mapped[str]
    active: Mapped[bool]
    # Held by the login cookie; a new value ends the logins of the account.
    fs_uniquifier: Mapped[str] = mapped_column(unique=True)
    roles: Mapped[list[Role]] = relationship(secondary=member_role)


# endregion accounts


# region views
class RoleOnly:
    """Mix in before a view class: only accounts with one of ``roles`` get in."""

    roles = ["admin"]

    def is_accessible(self):
        return any(map(current_user.has_role, self.roles))

    def inaccessible_callback(self, name, **kwargs):
        if current_user.is_authenticated:
            abort(403)
        return current_app.login_manager.unauthorized()


class Index(RoleOnly, AdminIndexView):
    roles = ["admin", "editor"]


class Posts(RoleOnly, PostView):
    roles = ["admin", "editor"]


class Users(RoleOnly, UserView):
    pass


# endregion views


# region app
def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(
        # Part of every stored hash: with another value no password fits any more.
        SECURITY_PASSWORD_SALT=os.environ.get("SECURITY_PASSWORD_SALT"),
        SECURITY_PASSWORD_HASH="pbkdf2_sha512",  # noqa: S106
        SECURITY_PASSWORD_HASH_PASSLIB_OPTIONS={
            "pbkdf2_sha512__default_rounds": 220_000
        },
        SECURITY_RETURN_GENERIC_RESPONSES=True,
        SECURITY_POST_LOGIN_VIEW="/admin/",
        SECURITY_POST_LOGOUT_VIEW="/login",
    )
    app.config.from_mapping(config)
    db.init_app(app)
    Security(app, FSQLALiteUserDatastore(db, Member, Role))
    with app.app_context():
        Base.metadata.create_all(db.engine)
        create_tables(db)

    session = LazySession(db)
    admin = Admin(app, index_view=Index())
    admin.add_view(Users(User, session))
    admin.add_view(Posts(Post, session))
    return app


# endregion app
