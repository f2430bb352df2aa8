"""Only administrators reach the admin: its index, its models and its own pages.

.. testcode::

    from snippets.recipes.protected_admin import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    for path in ["/admin/", "/admin/post/export/csv/", "/admin/report/"]:
        answer = app.test_client().get(path)
        print(answer.status, answer.location)

.. testoutput::

    302 FOUND /login?next=%2Fadmin%2F
    302 FOUND /login?next=%2Fadmin%2Fpost%2Fexport%2Fcsv%2F
    302 FOUND /login?next=%2Fadmin%2Freport%2F
"""

import click
from flask import (
    Blueprint,
    Flask,
    abort,
    current_app,
    redirect,
    render_template_string,
    request,
    url_for,
)
from flask_admin import Admin, AdminIndexView, BaseView, expose
from flask_admin.form import SecureForm
from flask_login import LoginManager, UserMixin, current_user, login_user
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from werkzeug.security import check_password_hash, generate_password_hash
from wtforms import PasswordField, StringField

from snippets.models import Post, User, create_tables
from snippets.views import PostView, UserView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()
login_manager = LoginManager()
login_manager.login_view = "auth.login"
auth = Blueprint("auth", __name__, cli_group=None)


class Base(DeclarativeBase):
    pass


class Account(UserMixin, Base):
    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    password_hash: Mapped[str]
    is_admin: Mapped[bool]


@login_manager.user_loader
def load_account(id):
    return db.session.get(Account, int(id))


class LoginForm(SecureForm):
    name = StringField("Name")
    password = PasswordField("Password")


PAGE = """<!doctype html><title>Log in</title>
<form method="post">{{ form.csrf_token }} {{ form.name.label }} {{ form.name }}
{{ form.password.label }} {{ form.password }} <button>Log in</button></form>"""


@auth.route("/login", methods=["GET", "POST"])
def login():
    form = LoginForm(request.form)
    if request.method == "POST" and form.validate():
        found = db.session.scalar(select(Account).filter_by(name=form.name.data))
        if found and check_password_hash(found.password_hash, form.password.data):
            login_user(found)
            return redirect(url_for("admin.index"))
    return render_template_string(PAGE, form=form)


@auth.cli.command("create-account")
@click.argument("name")
@click.option("--admin", is_flag=True)
@click.password_option()
def create_account(name, admin, password):
    """Add an account; asks for its password."""
    hashed = generate_password_hash(password)
    db.session.add(Account(name=name, password_hash=hashed, is_admin=admin))
    db.session.commit()


# region recipe
class AdminOnly:
    """Mix in before a view class: only administrators reach any of its routes."""

    def is_accessible(self):
        return current_user.is_authenticated and current_user.is_admin

    def inaccessible_callback(self, name, **kwargs):
        if current_user.is_authenticated:
            abort(403)
        return current_app.login_manager.unauthorized()


class ProtectedIndex(AdminOnly, AdminIndexView):
    pass


class ProtectedUsers(AdminOnly, UserView):
    pass


class ProtectedPosts(AdminOnly, PostView):
    pass


class Report(AdminOnly, BaseView):
    @expose("/")
    def index(self):
        return {"posts": db.session.scalar(select(func.count(Post.id)))}


def create_admin(app):
    session = LazySession(db)
    admin = Admin(app, index_view=ProtectedIndex())
    admin.add_view(ProtectedUsers(User, session))
    admin.add_view(ProtectedPosts(Post, session))
    admin.add_view(Report())


# endregion recipe


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

    create_admin(app)
    return app
