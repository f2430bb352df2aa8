"""An admin that faces the internet: each line below stops an attack of its page.

.. testcode::

    import os
    import secrets
    from unittest.mock import patch

    from snippets.production import create_app

    settings = {"DATABASE_URL": "sqlite://", "TRUSTED_HOSTS": "localhost"}
    try:
        with patch.dict(os.environ, settings, SECRET_KEY="dev"):
            create_app()
    except RuntimeError as error:
        print(error)
    with patch.dict(os.environ, settings, SECRET_KEY=secrets.token_hex()):
        client = create_app().test_client()
    print(client.get("/login").status)
    print(client.get("/login", base_url="http://evil.example").status)

.. testoutput::

    SECRET_KEY has less than 32 characters.
    200 OK
    400 BAD REQUEST
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
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
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
from werkzeug.exceptions import HTTPException
from werkzeug.local import LocalProxy
from werkzeug.middleware.proxy_fix import ProxyFix
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


class Account(UserMixin, Base):
    __tablename__ = "production_account"

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


class Post(Base):
    __tablename__ = "production_post"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(100))


class PostView(ModelView):
    form_base_class = SecureForm
    can_view_details = True
    can_export = True
    column_editable_list = ["title"]
    column_searchable_list = ["title"]


# region limits
def is_no_guess():
    """Whether a request is none that tries a password."""
    return (request.method, request.endpoint) != ("POST", "auth.login")


limiter = Limiter(
    get_remote_address,
    default_limits=["10 per minute", "100 per hour"],
    default_limits_exempt_when=is_no_guess,
    storage_uri=os.environ.get("LIMITS_URL", "memory://"),
)
# endregion limits


# region settings
def configure(app):
    """Settings for the internet, most of them from the environment."""
    for name in "SECRET_KEY", "DATABASE_URL", "TRUSTED_HOSTS":
        if not os.environ.get(name):
            raise RuntimeError(f"{name} is not set in the environment.")
    if len(os.environ["SECRET_KEY"]) < 32:
        raise RuntimeError("SECRET_KEY has less than 32 characters.")
    if app.debug:
        raise RuntimeError("FLASK_DEBUG shows the source to everybody: unset it.")
    app.config.update(
        SECRET_KEY=os.environ["SECRET_KEY"],
        TRUSTED_HOSTS=os.environ["TRUSTED_HOSTS"].split(","),
        SESSION_COOKIE_SECURE=True,
        SESSION_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_SECURE=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=1_000_000,
        MAX_FORM_MEMORY_SIZE=250_000,
        MAX_FORM_PARTS=500,
    )
    url = os.environ["DATABASE_URL"]
    options = {"url": url, "hide_parameters": True}
    app.config["SQLALCHEMY_ENGINES"] = {"default": options}


# endregion settings


# region errors
ERROR = """<!doctype html>
<html lang="en">
<title>{{ error.name }}</title>
<h1>{{ error.name }}</h1>
</html>
"""


def show_error(error):
    # Without its description: that of a limit says how many guesses are free.
    response = error.get_response()
    response.data = render_template_string(ERROR, error=error)
    return response


# endregion errors


# region redirect
def is_path(target):
    """Whether an address is a path, which cannot lead to another site."""
    # Browsers read //host and /\host as another site, and drop tabs and newlines.
    return re.fullmatch(r"/(?![/\\])[^\s\\]*", target)


def reject_other_sites():
    """Flask-Admin redirects to `url`, and takes http:/evil.example for a path."""
    if not is_path(request.values.get("url", "/")):
        abort(400)


# endregion redirect


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


@login_manager.user_loader
def load_account(token):
    return db.session.scalar(select(Account).filter_by(token=token))


@auth.before_app_request
def protect_admin():
    """Let nobody into a view of the admin without a login."""
    # Each view is a blueprint. Flask-Admin lists its views nowhere else.
    admins = current_app.extensions["admin"]
    names = {view.endpoint for admin in admins for view in admin._views}
    if request.blueprint in names and not current_user.is_authenticated:
        return login_manager.unauthorized()


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


def create_app():
    app = Flask(__name__)
    # region configure
    configure(app)
    # endregion configure
    db.init_app(app)
    # region app
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)
    app.before_request(reject_other_sites)
    app.register_error_handler(HTTPException, show_error)
    limiter.init_app(app)
    # endregion app
    login_manager.init_app(app)
    app.register_blueprint(auth)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Post, 1) is None:
            db.session.add(Post(title="A first post"))
            db.session.commit()

    admin = Admin(app)
    admin.add_link(MenuLink("Account", endpoint="auth.login"))
    admin.add_view(PostView(Post, db.session))
    return app
