"""Refuse a form that another site sends, on each route that changes a row.

.. testcode::

    from snippets.recipes.csrf import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    answer = app.test_client().post("/admin/post/delete/", data={"id": 1})
    print(answer.status, "The CSRF token is missing." in answer.text)

.. testoutput::

    400 BAD REQUEST True
"""

from datetime import date

from flask import Flask, render_template_string, request
from flask_admin import Admin, BaseView, expose
from flask_admin.form import BaseForm
from flask_sqlalchemy_lite import SQLAlchemy
from flask_wtf import CSRFProtect
from sqlalchemy import update

from snippets.models import Post, create_tables
from snippets.views import PostView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()

PAGE = """<form method="post"><button>Publish everything</button>
<input type="hidden" name="csrf_token" value="{{ csrf_token() if csrf_token }}">
</form>"""


class Publish(BaseView):
    @expose("/", methods=["GET", "POST"])
    def index(self):
        if request.method == "POST":
            db.session.execute(update(Post).values(published=date.today()))
            db.session.commit()
        return render_template_string(PAGE)


# region recipe
class Posts(PostView):
    # Not SecureForm: its token and that of CSRFProtect do not fit together.
    form_base_class = BaseForm


csrf = CSRFProtect()


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    csrf.init_app(app)
    add_admin(app, Posts)
    return app


# endregion recipe


def create_app_with_secure_form(config=None):
    """The same without Flask-WTF: ``PostView`` has ``form_base_class = SecureForm``."""
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    add_admin(app, PostView)
    return app


def add_admin(app, view):
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    admin = Admin(app)
    admin.add_view(view(Post, LazySession(db)))
    admin.add_view(Publish())
