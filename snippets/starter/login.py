"""The login: who gets in, and how often somebody may guess."""

import os
import re
import secrets

import click
from flask import (
    Blueprint,
    abort,
    current_app,
    flash,
    redirect,
    render_template_string,
    request,
    url_for,
)
from flask import session as browser_session
from flask_admin.form import SecureForm
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import LoginManager, current_user, login_user, logout_user
from sqlalchemy import select
from werkzeug.security import check_password_hash, generate_password_hash
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from db import db
from models import Account, Tenant


def is_no_guess():
    """Whether a request is none that tries a password."""
    return (request.method, request.endpoint) != ("POST", "auth.login")


limiter = Limiter(
    get_remote_address,
    default_limits=["10 per minute", "100 per hour"],
    default_limits_exempt_when=is_no_guess,
    storage_uri=os.environ.get("LIMITS_URL", "memory://"),
)


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
@click.argument("tenant")
@click.password_option()
def create_account(name, tenant, password):
    """Add an account, or change the one of that name."""
    found = db.session.scalar(select(Account).filter_by(name=name))
    account = found or Account(name=name)
    owner = db.session.scalar(select(Tenant).filter_by(name=tenant))
    account.tenant = owner or Tenant(name=tenant)
    account.password_hash = generate_password_hash(password)
    db.session.add(account)
    db.session.commit()
