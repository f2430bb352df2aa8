"""Tests of the admin: copy the last step as ``app.py``, this as ``test_app.py``.

.. testcode::

    import re
    import shutil
    import subprocess
    import sys
    import tempfile

    from snippets.tutorial import login, testing

    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(login.__file__, f"{folder}/app.py")
        shutil.copy(testing.__file__, f"{folder}/test_app.py")
        command = [sys.executable, "-m", "pytest", "-q"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    print(re.search("[0-9]+ passed", done.stdout)[0])

.. testoutput::

    5 passed
"""

# ruff: noqa: S101, S106
import re
import secrets

import pytest
from werkzeug.security import generate_password_hash

PASSWORD = secrets.token_hex()
PASSWORD_HASH = generate_password_hash(PASSWORD)


@pytest.fixture
def app(tmp_path):
    from app import Account, create_app, db

    url = f"sqlite:///{tmp_path}/test.db"
    app = create_app({"SQLALCHEMY_ENGINES": {"default": url}})
    with app.app_context():
        db.session.add(Account(name="ada", password_hash=PASSWORD_HASH))
        db.session.commit()
    return app


@pytest.fixture
def anonymous(app):
    return app.test_client()


@pytest.fixture
def client(app):
    client = app.test_client()
    submit(client, "/login", name="ada", password=PASSWORD)
    return client


def submit(client, path, **data):
    """Send the form of a page with the token that is in it."""
    page = client.get(path)
    data["csrf_token"] = re.search(r'csrf_token".*?value="(.+?)"', page.text)[1]
    return client.post(path, data=data, follow_redirects=True)


def test_an_anonymous_visitor_is_sent_to_the_login(anonymous):
    for path in "/admin/", "/admin/author/", "/admin/book/new/":
        assert anonymous.get(path).status_code == 302, path


def test_a_wrong_password(anonymous):
    page = submit(anonymous, "/login", name="ada", password="guess")
    assert "The name or the password is wrong." in page.text
    assert anonymous.get("/admin/").status_code == 302


def test_a_new_author(client):
    page = submit(client, "/admin/author/new/", name="Ada")
    assert "Record was successfully created." in page.text
    assert "Ada" in client.get("/admin/author/").text


def test_a_form_without_its_token(client):
    client.post("/admin/author/new/", data={"name": "Ada"})
    assert "Ada" not in client.get("/admin/author/").text


def test_no_connection_is_kept(app, client):
    # A session that was kept from the first request is not closed after the second.
    for path in "/admin/author/", "/admin/book/":
        client.get(path)
    with app.app_context():
        assert app.extensions["sqlalchemy"].engine.pool.checkedout() == 0
