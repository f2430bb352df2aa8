"""An application per test, and a browser for each account."""

import re
import secrets

import pytest
from flask_migrate import upgrade

from app import create_app
from db import db


@pytest.fixture
def app(tmp_path, monkeypatch):
    """An application on a database of its own, with the tables of the migrations."""
    monkeypatch.setenv("SECRET_KEY", secrets.token_hex())
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/test.db")
    monkeypatch.setenv("TRUSTED_HOSTS", "localhost")
    app = create_app()
    with app.app_context():
        upgrade()
    yield app
    with app.app_context():
        kept = db.engine.pool.checkedout()
        db.engine.dispose()
    assert kept == 0, f"{kept} connections were not given back"


class Browser:
    """A client that fills in forms. No context is open around a request."""

    def __init__(self, app):
        self.client = app.test_client()

    def get(self, path):
        return self.client.get(path)

    def submit(self, path, page=None, **data):
        """Post a form with the token of its page."""
        found = self.client.get(page or path).text
        token = re.search('name="csrf_token"[^>]* value="([^"]+)"', found)[1]
        return self.client.post(path, data={"csrf_token": token} | data)


@pytest.fixture
def log_in(app):
    """Make an account of a tenant and log in; return the browser."""

    def log_in(name, tenant):
        password = secrets.token_hex()
        command = ["create-account", name, tenant, "--password", password]
        assert app.test_cli_runner().invoke(args=command).exit_code == 0
        browser = Browser(app)
        answer = browser.submit("/login", name=name, password=password)
        assert answer.status_code == 302
        return browser

    return log_in
