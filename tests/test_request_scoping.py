"""The probe tells a session per request from one for the life of the application."""

import pytest

from snippets import request_scoping
from snippets.published.scoped_session import create_app_in_context
from snippets.request_scoping import Probe
from snippets.workarounds.lazy_session import create_app
from tools import results, verdicts
from tools.measure.removal import without


@pytest.fixture
def ask(tmp_path):
    """Send three requests to an application and return what the probe says."""

    def ask(create_app, probe=Probe):
        url = f"sqlite:///{tmp_path}/test.db"
        app = create_app({"SQLALCHEMY_ENGINES": {"default": url}})
        with probe(app) as found:
            for path in ["/admin/user/", "/admin/user/", "/admin/"]:
                app.test_client().get(path)
        return str(found).splitlines()

    return ask


def test_a_healthy_application(ask):
    assert ask(create_app) == [
        "GET /admin/user/: session 1, 0 connections kept",
        "GET /admin/user/: session 2, 0 connections kept",
        "GET /admin/: session none, 0 connections kept",
    ]


def test_one_session_for_the_life_of_the_application(ask):
    assert ask(create_app_in_context) == [
        "GET /admin/user/: session 1, 1 connections kept",
        "GET /admin/user/: session 1, 1 connections kept",
        "GET /admin/: session none, 1 connections kept",
    ]


def test_removal_of_the_number(ask):
    line = "self.known[state.session] = next(self.numbers)"
    module = without(request_scoping, line, "self.known[state.session] = 1")
    assert ask(create_app, module.Probe)[1].startswith("GET /admin/user/: session 1")


CHECKS = ["session-per-thread", "connections-returned", "fresh-read"]


@pytest.mark.parametrize(
    ("approach", "release", "whose"),
    [
        ("session", "2.2.1", "raises"),
        ("session-in-context", "2.0.2", "application"),
        ("session-in-context", "2.1.0", "raises"),
        ("db", "2.0.2", "raises"),
        ("app-context", "2.2.0", "leaks"),
        ("app-context", "2.2.1", "request"),
        ("proxy-sqlalchemy", "1.6.1", "request"),
        ("published-scoped-session-in-context", "2.2.1", "application"),
    ],
)
def test_the_matrix_of_the_page(approach, release, whose):
    assert verdicts.scope(results.compatibility(), approach, release, CHECKS) == whose


def test_the_first_sentences_of_the_page():
    found = results.compatibility()
    assert verdicts.lifetime(found, "session-in-context")[-1] == "2.0.2"
    published = "published-scoped-session-in-context"
    assert verdicts.lifetime(found, published) == verdicts.releases(found)
    for name in "flask-sqlalchemy", "flask-sqlalchemy-session":
        assert verdicts.lifetime(found, name) == []
