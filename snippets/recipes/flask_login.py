"""Log in to the admin with Flask-Login: name and password, back to the page, log out.

.. testcode::

    from snippets.recipes.flask_login import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    client = app.test_client()
    print(client.get("/admin/post/?search=compiler").location)
    print("Please log in to access this page." in client.get("/login").text)
    print(client.get("/logout").status)

.. testoutput::

    /login?next=%2Fadmin%2Fpost%2F%3Fsearch%3Dcompiler
    True
    405 METHOD NOT ALLOWED
"""

import re
import secrets

import click
from flask import (
    Blueprint,
    Flask,
    flash,
    redirect,
    render_template_string,
    request,
    url_for,
)
from flask_admin import Admin
from flask_admin.menu import MenuLink
from flask_login import LoginManager, UserMixin, login_user, logout_user
from flask_sqlalchemy_lite import SQLAlchemy
from flask_wtf import FlaskForm
from sqlalchemy import select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from werkzeug.security import check_password_hash, generate_password_hash
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from snippets.models import Post, User, create_tables
from snippets.recipes.protected_admin import (
    ProtectedIndex,
    ProtectedPosts,
    ProtectedUsers,
)
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()
auth = Blueprint("auth", __name__, cli_group=None)

PAGE = """<!doctype html><title>Account</title>
{% for message in get_flashed_messages() %}<p>{{ message }}</p>{% endfor %}
{% if current_user.is_authenticated %}
<form method="post" action="{{ url_for('auth.logout') }}">{{ form.csrf_token }}
<button>Log out {{ current_user.name }}</button></form>
{% else %}
<form method="post">{{ form.csrf_token }} {{ form.name.label }} {{ form.name }}
{{ form.password.label }} {{ form.password }} <button>Log in</button></form>
{% endif %}"""


class Base(DeclarativeBase):
    pass


# region account
class Account(UserMixin, Base):
    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    is_admin: Mapped[bool]


login_manager = LoginManager()
login_manager.login_view = "auth.login"


@login_manager.user_loader
def load_account(id):
    return db.session.get(Account, int(id))


@auth.cli.command("create-account")
@click.argument("name")
@click.option("--admin", is_flag=True)
@click.password_option()
def create_account(name, admin, password):
    """Add an account; asks for its password."""
    hashed = generate_password_hash(password)
    db.session.add(Account(name=name, password_hash=hashed, is_admin=admin))
    db.session.commit()


# endregion account


# region login
NOBODY = generate_password_hash(secrets.token_hex())


class LoginForm(FlaskForm):
    name = StringField("Name", [InputRequired()])
    password = PasswordField("Password", [InputRequired()])


def next_page():
    """The path in ``?next=``, or the index for anything but a path of this site."""
    # Browsers read //host and /\host as another site, and drop tabs and newlines.
    path = re.fullmatch(r"/(?![/\\])[^\s\\]*", request.args.get("next", ""))
    return path[0] if path else url_for("admin.index")


@auth.route("/login", methods=["GET", "POST"])
def login():
    form = LoginForm()
    if form.validate_on_submit():
        found = db.session.scalar(select(Account).filter_by(name=form.name.data))
        # A name that does not exist has to take as long: the time would tell.
        hashed = found.password_hash if found else NOBODY
        if check_password_hash(hashed, form.password.data) and found:
            login_user(found)
            return redirect(next_page())
        flash("The name or the password is wrong.")
    return render_template_string(PAGE, form=form)


@auth.post("/logout")
def logout():
    if FlaskForm().validate_on_submit():
        logout_user()
    return redirect(url_for("auth.login"))


# endregion login


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    login_manager.init_app(app)
    app.register_blueprint(auth)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        create_tables(db)

    session = LazySession(db)
    admin = Admin(app, index_view=ProtectedIndex())
    admin.add_view(ProtectedUsers(User, session))
    admin.add_view(ProtectedPosts(Post, session))
    admin.add_link(MenuLink("Account", endpoint="auth.login"))
    return app
