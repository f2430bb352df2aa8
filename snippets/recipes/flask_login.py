"""Log in to the admin with Flask-Login: name and password, back to the page, log out.

.. testcode::

    from snippets.recipes.flask_login import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    client = app.test_client()
    print(client.get("/admin/post/?search=first").location)
    print("Please log in to access this page." in client.get("/login").text)
    print(client.get("/logout").status)

.. testoutput::

    /login?next=%2Fadmin%2Fpost%2F%3Fsearch%3Dfirst
    True
    405 METHOD NOT ALLOWED
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
from sqlalchemy import String, select
from sqlalchemy.orm import (
    DeclarativeBase,
    Mapped,
    Session,
    mapped_column,
    validates,
)
from werkzeug.local import LocalProxy
from werkzeug.security import check_password_hash, generate_password_hash
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired


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


# region account
class Account(UserMixin, Base):
    __tablename__ = "flask_login_account"

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


# endregion account


class Post(Base):
    __tablename__ = "flask_login_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))


class PostView(ModelView):
    form_base_class = SecureForm
    can_view_details = True
    can_export = True
    column_editable_list = ["title"]
    column_searchable_list = ["title"]


# region login
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


# endregion login


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
    login_manager.init_app(app)
    app.register_blueprint(auth)
    # endregion app
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Post, 1) is None:
            db.session.add(Post(title="A first post"))
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_link(MenuLink("Account", endpoint="auth.login"))
    # endregion add
    admin.add_view(PostView(Post, db.session))
    return app
