"""The reader's tests pass on the last step, and notice what a change breaks."""

from pathlib import Path

import pytest
from flask import Flask

from snippets.tutorial import login, testing
from tools.measure.surface import TEMPLATES

APP = Path(login.__file__).read_text("utf-8")
TESTS = Path(testing.__file__).read_text("utf-8")
CLOSES = "function for function in added if not iscoroutinefunction(function)"


@pytest.fixture(autouse=True)
def compiled_once(monkeypatch):
    monkeypatch.setattr(Flask, "jinja_options", {"bytecode_cache": TEMPLATES})


def run(pytester, app, tests):
    """Run the tests in a folder that holds nothing but the two files."""
    pytester.makepyfile(app=app, test_app=tests)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-W", "ignore")


def replaced(source, line, replacement):
    assert source.count(line) == 1
    return source.replace(line, replacement)


def test_the_tests_pass(pytester):
    run(pytester, APP, TESTS).assert_outcomes(passed=5)


@pytest.mark.parametrize(
    ("line", "replacement", "noticed"),
    [
        ("@auth.before_app_request\n", "", "E*AssertionError: /admin/"),
        ("not current_user.is_authenticated", "False", "E*AssertionError: /admin/"),
        (
            "check_password_hash(hashed, form.password.data) and found",
            "found",
            "FAILED *wrong_password *",
        ),
        ("form_base_class = SecureForm", "pass", "FAILED *form_without_its_token *"),
        ('form_columns = ["name"]', "can_create = False", "FAILED *new_author *"),
    ],
)
def test_what_they_notice(line, replacement, noticed, pytester):
    found = run(pytester, replaced(APP, line, replacement), TESTS)
    found.stdout.fnmatch_lines([noticed])


def test_what_only_the_last_one_notices(pytester):
    app = replaced(APP, CLOSES, "")
    found = run(pytester, app, TESTS)
    found.assert_outcomes(passed=4, failed=1)
    found.stdout.fnmatch_lines(["FAILED *no_connection_is_kept *"])


def test_with_a_context_around_the_request(pytester):
    """The session then lives as long as the context: a sound application fails."""
    requests = '    for path in "/admin/author/", "/admin/book/":\n'
    context = "    with app.app_context():\n        assert"
    tests = replaced(TESTS, context, "        assert")
    tests = replaced(
        tests, requests, f"    with app.app_context():\n    {requests}    "
    )
    found = run(pytester, APP, tests)
    found.assert_outcomes(passed=4, failed=1)
    found.stdout.fnmatch_lines(["E*assert 1 == 0", "FAILED *no_connection_is_kept*"])


def test_with_a_database_in_memory(pytester):
    """It has no pool that could be counted."""
    tests = replaced(TESTS, 'f"sqlite:///{tmp_path}/test.db"', '"sqlite://"')
    found = run(pytester, APP, tests)
    found.assert_outcomes(passed=4, failed=1)
    found.stdout.fnmatch_lines(["E*'StaticPool' object has no attribute 'checkedout'"])
