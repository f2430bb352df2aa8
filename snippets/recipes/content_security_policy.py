"""A content security policy for the admin: a nonce for scripts, hashes for handlers.

.. testcode::

    from snippets.recipes.content_security_policy import create_app

    app = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}})
    policy = app.test_client().get("/admin/post/").content_security_policy
    print(policy.default_src, policy.style_src, policy.object_src)
    print(policy.script_src.split()[1], "unsafe-inline" in policy.to_header())

.. testoutput::

    'self' 'self' 'none'
    'unsafe-hashes' False
"""

import secrets
from base64 import b64encode
from hashlib import sha256

from flask import Flask, g
from flask_admin import Admin
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import Post, User, create_tables
from snippets.views import PostView, UserView
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region recipe
# An onclick="" cannot carry a nonce: the policy names each by its hash.
HANDLERS = [
    "javascript:void(0)",
    "return false;",
    "return faHelpers.safeConfirm('Are you sure you want to delete this record?');",
    "return modelActions.execute('delete');",
    "faForm.addInlineField(this, 'posts');",
]
HASHES = [
    f"'sha256-{b64encode(sha256(code.encode()).digest()).decode()}'"
    for code in HANDLERS
]


def nonce():
    """The nonce of this request, the same in its header and in all its tags."""
    if "nonce" not in g:
        g.nonce = secrets.token_urlsafe()
    return g.nonce


def add_policy(response):
    policy = response.content_security_policy
    policy.default_src = "'self'"
    policy.script_src = " ".join([f"'nonce-{nonce()}'", "'unsafe-hashes'", *HASHES])
    policy.style_src = "'self'"
    policy.img_src = "'self' data:"
    policy.object_src = policy.base_uri = policy.frame_ancestors = "'none'"
    policy.form_action = "'self'"
    return response


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    app.after_request(add_policy)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    session = LazySession(db)
    admin = Admin(app, csp_nonce_generator=nonce)
    admin.add_view(UserView(User, session))
    admin.add_view(PostView(Post, session))
    return app


# endregion recipe
