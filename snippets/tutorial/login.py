"""The whole admin, its index included, behind a login.

.. testcode::

    from snippets.tutorial.login import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    for path in "/admin/", "/admin/author/", "/admin/book/ajax/lookup/":
        print(client.get(path).location)

.. testoutput::

    /login?next=%2Fadmin%2F
    /login?next=%2Fadmin%2Fauthor%2F
    /login?next=%2Fadmin%2Fbook%2Fajax%2Flookup%2F
"""

import os
import re
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

import click
from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    flash,
    has_app_context,
    redirect,
    render_template_string,
    request,
    url_for,
)
from flask import session as browser_session
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_admin.menu import MenuLink
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, String, UniqueConstraint, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    relationship,
    validates,
)
from werkzeug.local import LocalProxy
from werkzeug.security import check_password_hash, generate_password_hash
from wtforms import PasswordField, StringField
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


class Account(UserMixin, Base):
    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    token: Mapped[str] = mapped_column(String(64), unique=True)

    @validates("password_hash")
    def renew_token(self, key, value):
        # A new password ends the sessions that were opened with the old one.
        self.token = secrets.token_hex()
        return value

    def get_id(self):
        # Not the id: a database can give that to the next account.
        return self.token


auth = Blueprint("auth", __name__, cli_group=None)
login_manager = LoginManager()
login_manager.login_view = "auth.login"
NOBODY = generate_password_hash(secrets.token_hex())
PAGE = """<!doctype html>
<html lang="en">
<title>Account</title>
{% for message in get_flashed_messages() %}<p>{{ message }}</p>{% endfor %}
{% for messages in form.errors.values() %}<p>{{ messages | join }}</p>{% endfor %}
<form method="post"
{%- if current_user.is_authenticated %} action="{{ url_for('auth.logout') }}">
  {{ form.csrf_token }}
  <button>Log out {{ current_user.name }}</button>
{% else %}>
  {{ form.csrf_token }}
  {{ form.name.label }} {{ form.name }}
  {{ form.password.label }} {{ form.password }}
  <button>Log in</button>
{% endif %}
</form>
</html>
"""


class LoginForm(SecureForm):
    name = StringField(validators=[InputRequired()])
    password = PasswordField(validators=[InputRequired()])


def is_path(target):
    """Whether an address is a path, which cannot lead to another site."""
    # Browsers read //host and /\host as another site, and drop tabs and newlines.
    return re.fullmatch(r"/(?![/\\])[^\s\\]*", target)


@login_manager.user_loader
def load_account(token):
    return db.session.scalar(select(Account).filter_by(token=token))


@auth.before_app_request
def protect_admin():
    """Let nobody into a view of the admin without a login."""
    # Each view is a blueprint. Flask-Admin lists its views nowhere else.
    admins = current_app.extensions["admin"]
    names = {view.endpoint for admin in admins for view in admin._views}
    if request.blueprint in names:
        if not current_user.is_authenticated:
            return login_manager.unauthorized()
        # Flask-Admin's own check takes http:/elsewhere.example for a path.
        if not is_path(request.values.get("url", "/")):
            abort(400)


@auth.route("/login", methods=["GET", "POST"])
def login():
    form = LoginForm(request.form)
    if request.method == "POST" and form.validate():
        found = db.session.scalar(select(Account).filter_by(name=form.name.data))
        # A name that does not exist has to take as long: the time would tell.
        hashed = found.password_hash if found else NOBODY
        if check_password_hash(hashed, form.password.data) and found:
            # Somebody else may know the token of this session's forms.
            browser_session.clear()
            login_user(found)
            target = request.args.get("next", "")
            return redirect(target if is_path(target) else url_for("admin.index"))
        flash("The name or the password is wrong.")
    return render_template_string(PAGE, form=form)


@auth.post("/logout")
def logout():
    if SecureForm(request.form).validate():
        browser_session.clear()
        # After it: this also marks the cookie of a remembered login to be deleted.
        logout_user()
    return redirect(url_for("auth.login"))


@auth.cli.command("create-account")
@click.argument("name")
@click.password_option()
def create_account(name, password):
    """Add an account, or change the one of that name."""
    found = db.session.scalar(select(Account).filter_by(name=name))
    account = found or Account(name=name)
    account.password_hash = generate_password_hash(password)
    db.session.add(account)
    db.session.commit()


class LibraryView(ModelView):
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
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
        SQLALCHEMY_ENGINES={"default": "sqlite:///library.db"},
    )
    app.config.from_mapping(config)
    db.init_app(app)
    login_manager.init_app(app)
    app.register_blueprint(auth)
    with app.app_context():
        Base.metadata.create_all(db.engine)

    admin = Admin(app, name="Library")
    admin.add_view(AuthorView(Author, db.session))
    admin.add_view(BookView(Book, db.session))
    admin.add_link(MenuLink("Account", endpoint="auth.login"))
    return app
