"""The whole admin, its index included, behind a password.

.. testcode::

    from snippets.tutorial.login import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    for path in "/admin/", "/admin/author/", "/admin/book/ajax/lookup/":
        print(client.get(path).location)

.. testoutput::

    /login
    /login
    /login
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

import click
from flask import (
    Flask,
    current_app,
    flash,
    has_app_context,
    redirect,
    render_template_string,
    request,
    url_for,
)
from flask_admin import Admin, AdminIndexView
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_admin.menu import MenuLink
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from werkzeug.local import LocalProxy
from werkzeug.security import check_password_hash, generate_password_hash
from wtforms import PasswordField, ValidationError
from wtforms.validators import InputRequired, NumberRange


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
login_manager = LoginManager()


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    books: Mapped[list["Book"]] = relationship(
        back_populates="author", cascade="all, delete-orphan"
    )

    def __str__(self):
        return self.name


class Book(Base):
    __tablename__ = "book"
    __table_args__ = (UniqueConstraint("author_id", "title"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    year: Mapped[int | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")

    def __str__(self):
        return self.title


class Administrator(UserMixin):
    id = "administrator"


@login_manager.user_loader
def load_user(user_id):
    return Administrator() if user_id == Administrator.id else None


class LoginForm(SecureForm):
    password = PasswordField(validators=[InputRequired()])

    def validate_password(self, field):
        known = current_app.config["ADMIN_PASSWORD_HASH"]
        if not check_password_hash(known, field.data):
            raise ValidationError("Wrong password.")


LOGIN_PAGE = """
<!doctype html>
<html lang="en">
<title>Log in</title>
<form method="post">
  {{ form.csrf_token }}
  {{ form.password.label }} {{ form.password }}
  <button>Log in</button>
  {% for messages in form.errors.values() %}<p>{{ messages | join }}</p>{% endfor %}
</form>
</html>
"""


class Protected:
    """A part of the admin that only the administrator may use."""

    def is_accessible(self):
        return current_user.is_authenticated

    def inaccessible_callback(self, name, **kwargs):
        return redirect(url_for("login"))


class IndexView(Protected, AdminIndexView):
    pass


class LibraryView(Protected, ModelView):
    form_base_class = SecureForm

    def handle_view_exception(self, exc):
        if isinstance(exc, IntegrityError):
            flash("Not saved: there is such an entry already.", "error")
            return True
        return super().handle_view_exception(exc)


class AuthorView(LibraryView):
    form_columns = ["name"]


class BookView(LibraryView):
    column_list = ["title", "author", "year"]
    column_searchable_list = ["title", "author.name"]
    column_filters = ["year", "author.name"]
    column_labels = {"author.name": "Author"}
    form_columns = ["title", "author", "year"]
    form_args = {"year": {"validators": [NumberRange(1000, 2100)]}}
    form_ajax_refs = {"author": {"fields": ["name"]}}


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping(
        ADMIN_PASSWORD_HASH=os.environ.get("ADMIN_PASSWORD_HASH", ""),
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
        SQLALCHEMY_ENGINES={"default": "sqlite:///library.db"},
    )
    app.config.from_mapping(config)
    db.init_app(app)
    login_manager.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)

    @app.route("/login", methods=["GET", "POST"])
    def login():
        form = LoginForm(request.form)
        if request.method == "POST" and form.validate():
            login_user(Administrator())
            return redirect(url_for("admin.index"))
        return render_template_string(LOGIN_PAGE, form=form)

    @app.route("/logout")
    def logout():
        logout_user()
        return redirect(url_for("login"))

    @app.cli.command("hash-password")
    @click.password_option()
    def hash_password(password):
        click.echo(generate_password_hash(password))

    admin = Admin(app, name="Library", index_view=IndexView())
    admin.add_view(AuthorView(Author, db.session))
    admin.add_view(BookView(Book, db.session))
    admin.add_link(MenuLink("Log out", endpoint="logout"))
    return app
