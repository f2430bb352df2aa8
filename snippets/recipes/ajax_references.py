"""Choose related rows by lookup, and only from those of the current user.

.. testcode::

    from snippets.recipes.ajax_references import TaskView

    # Made without an application, so without a context.
    for name, loader in TaskView.form_ajax_refs.items():
        print(name, loader.model.__name__)

.. testoutput::

    project Project
    topics Topic
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
from flask_admin.contrib.sqla.ajax import QueryAjaxModelLoader
from flask_admin.contrib.sqla.fields import QuerySelectField
from flask_admin.form import SecureForm
from flask_admin.menu import MenuLink
from flask_admin.model.fields import AjaxSelectField, InlineFieldList
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Column, ForeignKey, String, Table, select
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
    __tablename__ = "ajax_references_account"

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


# region models
class Owned:
    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int]
    name: Mapped[str] = mapped_column(String(80))

    def __str__(self):
        return self.name


class Project(Owned, Base):
    __tablename__ = "ajax_references_project"


class Topic(Owned, Base):
    __tablename__ = "ajax_references_topic"


task_topic = Table(
    "ajax_references_task_topic",
    Base.metadata,
    Column("task_id", ForeignKey("ajax_references_task.id"), primary_key=True),
    Column("topic_id", ForeignKey("ajax_references_topic.id"), primary_key=True),
)


class Task(Base):
    __tablename__ = "ajax_references_task"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(80))
    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("ajax_references_project.id")
    )
    project: Mapped[Project | None] = relationship()
    topics: Mapped[list[Topic]] = relationship(secondary=task_topic)


# endregion models


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


# region recipe
class OwnLoader(QueryAjaxModelLoader):
    """Looks up rows of a model that has an ``owner_id``."""

    def get_query(self):
        return super().get_query().filter_by(owner_id=current_user.id)

    def get_one(self, pk):
        # What is not offered is not accepted. PostgreSQL wants a number, not its text.
        if pk.isdecimal() and len(pk) < 10:
            return self.get_query().filter_by(id=int(pk)).one_or_none()


def found_all(form):
    """Whether each relation found every row that the request names for it."""
    complete = True
    for field in form:
        if isinstance(field, InlineFieldList):
            complete = all([found_all(entry.form) for entry in field]) and complete
        elif isinstance(field, AjaxSelectField | QuerySelectField):
            keys = {key for value in field.raw_data or [] for key in value.split(",")}
            rows = field.data if isinstance(field.data, list) else [field.data]
            if len(keys - {"", "__None"}) > sum(row is not None for row in rows):
                # Flask-Admin would save the rest, or empty the relation.
                field.errors = [*field.errors, field.gettext("Not a valid choice")]
                complete = False
    return complete


# endregion recipe


# region views
class TaskView(ModelView):
    form_base_class = SecureForm
    form_columns = ["title", "project", "topics"]
    form_ajax_refs = {
        "project": OwnLoader("project", db.session, Project, fields=["name"]),
        "topics": OwnLoader("topics", db.session, Topic, fields=["name"]),
    }

    def validate_form(self, form):
        return super().validate_form(form) and found_all(form)


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
    app.config.from_mapping(config)
    db.init_app(app)
    login_manager.init_app(app)
    app.register_blueprint(auth)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Project, 1) is None:
            for owner, name in [(1, "Engine"), (2, "Compiler")]:
                db.session.add(Project(owner_id=owner, name=name))
                db.session.add(Topic(owner_id=owner, name=f"{name} parts"))
                db.session.flush()
            db.session.commit()

    admin = Admin(app)
    admin.add_link(MenuLink("Account", endpoint="auth.login"))
    # region add
    admin.add_view(TaskView(Task, db.session))
    # endregion add
    return app
