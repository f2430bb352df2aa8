"""The application, as its environment says."""

import os

from flask import Flask, render_template_string
from flask_admin import Admin
from flask_migrate import Migrate
from sqlalchemy import event
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from audit import write_down
from db import Base, db
from login import auth, limiter, login_manager
from views import add_views


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


def create_app():
    app = Flask(__name__)
    configure(app)
    db.metadata = Base.metadata
    db.init_app(app)
    Migrate(app, db)
    with app.app_context():
        event.listen(db.sessionmaker, "after_flush", write_down)
    app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)
    app.register_error_handler(HTTPException, show_error)
    limiter.init_app(app)
    login_manager.init_app(app)
    app.register_blueprint(auth)
    add_views(Admin(app, name="Invoices"))
    return app
