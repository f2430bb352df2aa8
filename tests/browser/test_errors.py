"""What readers paste into the box of the errors page, and the message that fits."""

import traceback

import pytest

from snippets.error_messages import PROBES, message
from tools.paths import SNIPPETS

PASTED = [
    (
        "RuntimeError: Working outside of application context.\n\nThis typically means that you attempted to use functionality that needed\nthe current application.",
        "Working outside of application",
    ),
    (
        "ImportError: cannot import name 'T_SESSION' from 'flask_admin.contrib.sqla._types' (/usr/lib/python3/site-packages/flask_admin/contrib/sqla/_types.py)",
        "T_SESSION",
    ),
    (
        "sqlalchemy.exc.TimeoutError: QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00 (Background on this error at: https://sqlalche.me/e/20/3o7r)",
        "QueuePool",
    ),
    (
        "AttributeError: 'SQLAlchemy' object has no attribute 'commit'",
        "'commit'",
    ),
    (
        "sqlalchemy.orm.exc.DetachedInstanceError: Parent instance <Customer at 0x7f3> is not bound to a Session; lazy load operation of attribute 'orders' cannot proceed",
        "lazy load",
    ),
    (
        "(sqlite3.IntegrityError) UNIQUE constraint failed: customers.email",
        "UNIQUE",
    ),
    (
        "psycopg.errors.UndefinedFunction: operator does not exist: integer = character varying\nLINE 3: WHERE post.id IN ($1::VARCHAR)",
        "operator does not exist",
    ),
    (
        "TypeError: BaseModelView.edit_view() got an unexpected keyword argument 'cls'",
        "'cls'",
    ),
    (
        'Traceback (most recent call last):\n  File "/app/main.py", line 3, in <module>\n    admin.add_view(ModelView(User, db.session))\n  File "x.py", line 2, in session\n    return self.get_session()\nRuntimeError: Working outside of application context.',
        "Working outside of application",
    ),
    (
        "RuntimeError: You cannot use AsyncToSync in the same thread as an async event loop - just await the async function directly.",
        "AsyncToSync",
    ),
    (
        "TypeError: Passing a session object directly is not supported",
        "Passing a session object directly is not",
    ),
    (
        "sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) no such table: customer\n[SQL: SELECT customer.id]",
        "no such table",
    ),
    (
        "ModuleNotFoundError: No module named 'flask.sansio'",
        "sansio",
    ),
    (
        "AttributeError: 'tuple' object has no attribute 'items'",
        "'tuple'",
    ),
    (
        "sqlalchemy.exc.InvalidRequestError: Object '<Order at 0x10>' is already attached to session '3' (this is '7')",
        "attached to session",
    ),
    (
        "AttributeError: 'Session' object has no attribute 'exec'",
        "'exec'",
    ),
    # Names, databases and the lines around a message differ from those of the guide.
    (
        "AttributeError: type object 'Author' has no attribute 'nam'",
        "'nickname'",
    ),
    (
        "ValueError: The name 'author' is already registered for a different blueprint. Use 'name=' to provide a unique name.",
        "'user'",
    ),
    (
        'sqlalchemy.exc.IntegrityError: (psycopg.errors.NotNullViolation) null value in column "name" of relation "author" violates not-null constraint\nDETAIL:  Failing row contains (1, null).\n[SQL: INSERT INTO author (name) VALUES (%(name)s)]\n[parameters: {\'name\': None}]\n(Background on this error at: https://sqlalche.me/e/21/gkpj)',
        "NOT NULL",
    ),
    (
        "sqlalchemy.exc.OperationalError: (pymysql.err.OperationalError) (2006, \"MySQL server has gone away (BrokenPipeError(32, 'Broken pipe'))\")\n[SQL: select 1]\n(Background on this error at: https://sqlalche.me/e/21/e3q8)",
        "gone away",
    ),
    (
        "KeyError: '\\'SQLALCHEMY_ENGINES[\"other\"]\\' was not defined.'",
        "was not defined",
    ),
    (
        "ImportError: cannot import name 'User' from partially initialized module 'app' (most likely due to a circular import) (/srv/app.py)",
        "circular import",
    ),
    (
        "AttributeError: 'ProxySQLAlchemy' object has no attribute 'create_all'",
        "'create_all'",
    ),
]


@pytest.fixture
def ranked(open_page):
    page = open_page("errors.html")

    def rank(text):
        page.fill("#pasted", text)
        return page.locator(".find-error li > a").all_inner_texts()

    return rank


@pytest.mark.parametrize(("text", "message"), PASTED)
def test_the_message_comes_first(ranked, text, message):
    assert message in ranked(text)[0]


def test_the_nearest_three_are_shown_for_anything(ranked):
    assert len(ranked("KeyError: 'something else'")) == 3
    assert ranked("") == []


def test_whether_a_message_is_close_is_told(open_page):
    page = open_page("errors.html")
    told = page.locator(".find-error p[role=status]")
    assert not told.is_visible()
    page.fill("#pasted", "jinja2.exceptions.TemplateNotFound: admin/my_list.html")
    assert told.inner_text().startswith("No message here is close")
    page.fill("#pasted", "RuntimeError: Working outside of application context.")
    assert not told.is_visible()


def whole_traceback(probe):
    """All that a terminal shows of a mistake."""
    try:
        probe()
    except Exception:
        return traceback.format_exc()
    raise AssertionError(f"{probe} raises nothing")


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: probe.__qualname__)
def test_a_whole_traceback_leads_to_its_message(ranked, probe):
    first = ranked(whole_traceback(probe))[0]
    # Where one error hides another, each of them will do.
    assert first in message(probe) or "'cls'" in message(probe)


CONSOLES = [
    path
    for path in sorted(SNIPPETS.rglob("*.console"))
    if "Traceback (most recent call last)" in path.read_text("utf-8")
]


@pytest.mark.parametrize("path", CONSOLES, ids=lambda path: path.stem)
def test_a_printed_traceback_leads_to_its_message(ranked, path):
    text = path.read_text("utf-8")
    assert ranked(text)[0] in text
