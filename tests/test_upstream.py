"""Faults of the newest releases: each test turns red on the day upstream mends it."""

from importlib import import_module

import pytest

# What each reproduction says while the fault is there, and the pages that rest on it.
FAULTS = {
    "import_with_lite_alone": (
        "ImportError: cannot import name 'T_SESSION' "
        "from 'flask_admin.contrib.sqla._types'",
        ["index", "workarounds/app-context", "compatibility"],
    ),
    "db_without_context": (
        "RuntimeError: Working outside of application context.",
        ["index", "problem", "workarounds/app-context"],
    ),
    "unique_with_renamed_key": (
        "AttributeError: 'User' object has no attribute 'user_id'",
        [],
    ),
    "ajax_loader_keeps_session": (
        "2 requests, 1 session",
        ["workarounds/custom-modelview"],
    ),
    "raw_choices": (
        "Yielding raw tuples from iter_choices() or iter_groups() is deprecated; "
        "yield Choice instances instead. Will be removed in WTForms 4.0.",
        [],
    ),
    "binds_of_a_second_app": ("first.db\nfirst.db", []),
    "async_test_isolation": ("TypeError", []),
    "isolation_commits": (
        "1 row left\nRecursionError: maximum recursion depth exceeded",
        ["recipes/testing"],
    ),
    "gevent_teardown": (
        "200 OK\n"
        "RuntimeError: You cannot use AsyncToSync in the same thread as an async event "
        "loop - just await the async function directly.\n"
        "RuntimeError: asyncio.run() cannot be called from a running event loop",
        ["recipes/gevent", "recipes/gunicorn", "why-lite", "reliability"],
    ),
    "inline_edit_without_can_edit": (
        "302 /admin/tag/\n200 Record was successfully saved.",
        ["recipes/read-only"],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_still_there(name):
    said, pages = FAULTS[name]
    pages = ", ".join(f"docs/{page}.md" for page in ["upstream", *pages])
    got = import_module(f"snippets.upstream.{name}").reproduce()
    assert got == said, f"upstream has changed: update {pages}"
