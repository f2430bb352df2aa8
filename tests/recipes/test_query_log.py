"""Statements are counted by request; the toolbar is there in debug mode alone."""

import logging
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from bs4 import BeautifulSoup
from flask import Flask
from flask_debugtoolbar import DebugToolbarExtension
from sqlalchemy import text
from werkzeug.utils import import_string

from snippets.recipes import query_log
from snippets.recipes.query_log import Post, User
from tools.measure.removal import without

KEY = "the key of this test"
# Of the loggers of the application and of its copies.
NAME = query_log.__name__
# The toolbar takes no panel that is imported after its first application was made.
for name in DebugToolbarExtension()._default_config(Flask(""))["DEBUG_TB_PANELS"]:
    import_string(name)


@pytest.fixture(autouse=True)
def _level():
    """An application in debug mode leaves its level to those of the same name."""
    logging.getLogger(NAME).setLevel(logging.NOTSET)


def start(drive, module=query_log, **config):
    return drive(lambda given: module.create_app(given | {"SECRET_KEY": KEY} | config))


def logged(caplog):
    said = [
        record.getMessage() for record in caplog.records if record.name.startswith(NAME)
    ]
    caplog.clear()
    return [re.sub(r" in .* ms", "", line) for line in said]


def check_counts(surface, caplog):
    caplog.set_level(logging.INFO, surface.app.logger.name)
    for _ in range(2):
        surface.get("/admin/user/", search="ada")
        assert logged(caplog) == ["GET user.index_view: 2 statements"]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(surface.get, ["/admin/user/"] * 8))
    assert logged(caplog) == ["GET user.index_view: 2 statements"] * 8


def test_each_request_is_counted_alone(surface, caplog):
    check_counts(surface, caplog)


def check_many(surface, caplog):
    caplog.set_level(logging.WARNING, surface.app.logger.name)
    with surface.elsewhere() as session:
        for number in range(20):
            posts = [Post(title="Title")]
            session.add(User(name=f"Name {number}", posts=posts))
        session.commit()
    surface.app.extensions["admin"][0]._views[1].column_list = ["name", "posts"]
    surface.app.extensions["admin"][0]._views[1]._refresh_cache()
    surface.get("/admin/user/")
    count, repeated = logged(caplog)
    assert count == "GET user.index_view: 22 statements"
    assert re.match("20 times: SELECT .* FROM query_log_post WHERE", repeated)


def test_many_statements_are_a_warning(surface, caplog):
    check_many(surface, caplog)


def test_only_warnings_in_production(surface, caplog):
    surface.get("/admin/user/")
    assert logged(caplog) == []


def test_every_request_in_debug_mode(drive, caplog):
    surface = start(drive, DEBUG=True)
    surface.get("/admin/user/")
    assert logged(caplog) == ["GET user.index_view: 2 statements"]


def check_no_values(surface, caplog):
    caplog.set_level(logging.DEBUG)
    surface.get("/admin/user/", search="grace@example.com")
    assert "2 statements" in caplog.text
    assert "grace@example.com" not in caplog.text


def test_no_values_are_logged(surface, caplog):
    check_no_values(surface, caplog)


def test_echo_logs_values(drive, caplog):
    """What the recipe is written in place of."""
    surface = drive(query_log.create_app)
    with surface.app.app_context():
        query_log.db.engine.echo = True
    surface.get("/admin/user/", search="grace@example.com")
    assert "grace@example.com" in caplog.text


def check_outside(surface, caplog):
    with surface.app.app_context():
        engine = query_log.db.engine
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1


def test_statements_outside_of_a_request(surface, caplog):
    check_outside(surface, caplog)


def check_toolbar(drive, module=query_log):
    surface = start(drive, module, DEBUG=True)
    page = surface.get("/admin/user/", search="ada")
    assert "2 statements" in page
    sent = BeautifulSoup(page, "html.parser").select(
        "#flDebugStatementsPanel-content pre"
    )
    assert ["SELECT" in pre.get_text() for pre in sent] == [True, True]
    saved = surface.submit("/admin/user/edit/", {"name": "Ada L"}, id=1)
    assert "Record was successfully saved" in saved


def test_the_toolbar(drive):
    check_toolbar(drive)


def check_production(drive, module=query_log):
    surface = start(drive, module, DEBUG_TB_ENABLED=True)
    page = surface.get("/admin/user/")
    assert "flDebug" not in page
    answer = surface.client.get("/_debug_toolbar/static/js/toolbar.js")
    assert answer.status_code == 404


def test_no_toolbar_in_production(drive):
    check_production(drive)


def test_the_panels_that_the_toolbar_comes_with(drive):
    module = without(query_log, 'app.config["DEBUG_TB_PANELS"] = [', "_ = [")
    page = start(drive, module, DEBUG=True).get("/admin/user/")
    bar = BeautifulSoup(page, "html.parser").select_one("#flDebugPanelList")
    assert "0 queries" in bar.get_text()
    assert KEY in page


@pytest.mark.parametrize(
    ("line", "replacement", "check", "error", "match"),
    [
        (
            "if has_request_context():",
            "if True:",
            check_outside,
            RuntimeError,
            "outside",
        ),
        (
            'g.setdefault("statements", [])',
            'app.extensions.setdefault("statements", [])',
            check_counts,
            AssertionError,
            "2 statements",
        ),
        (
            "(statement, seconds)",
            "(statement + str(parameters), seconds)",
            check_many,
            AssertionError,
            "None",
        ),
        ("len(sent) > MANY", "False", check_many, ValueError, "unpack"),
    ],
)
def test_removal(drive, caplog, monkeypatch, line, replacement, check, error, match):
    module = without(query_log, line, replacement)
    monkeypatch.setattr("tests.recipes.test_query_log.query_log", module)
    with pytest.raises(error, match=match):
        check(drive(module.create_app), caplog)


@pytest.mark.parametrize(
    ("line", "replacement", "check"),
    [
        ("if app.debug:", "if True:", check_production),
        (
            '_INTERCEPT_REDIRECTS"] = False',
            '_INTERCEPT_REDIRECTS"] = True',
            check_toolbar,
        ),
    ],
)
def test_removal_in_the_toolbar(drive, line, replacement, check):
    with pytest.raises(AssertionError):
        check(drive, without(query_log, line, replacement))
