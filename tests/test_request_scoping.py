"""The probe tells a session per request from one for the life of the application."""

import pytest

from snippets import request_scoping
from snippets.published.scoped_session import create_app_in_context
from snippets.request_scoping import Probe
from snippets.workarounds.lazy_session import create_app
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
