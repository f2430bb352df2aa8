"""The admin works in a browser under its policy, and injected markup does not run."""

import threading

import pytest
from markupsafe import Markup
from werkzeug.serving import make_server

from snippets.recipes import content_security_policy
from tools.measure.removal import without

INJECTED = """
<input class="action-checkbox" type="checkbox" name="rowid" value="1" checked>
<img src="/admin/none.png" onerror="return modelActions.execute('delete');">
<script>return false;</script>
"""
# What the policy of before had: each handler by its hash.
HASHED = (
    "policy.script_src = f\"'nonce-{nonce()}'\"",
    "policy.script_src = f\"'nonce-{nonce()}' 'unsafe-hashes' "
    "'sha256-ftmTNsdfRKq6ZNyHL+p7dI9xRqueDTpseN1IaUUgQW4='\"",
)


@pytest.fixture
def admin(new_context, tmp_path):
    """Open a page of the program; ``page.asked`` holds the questions it asked."""
    servers = []

    def open_page(path, module=content_security_policy, markup=""):
        url = f"sqlite:///{tmp_path}/{len(servers)}.db"
        with pytest.MonkeyPatch.context() as patch:
            if markup:
                # As a view does that shows HTML which somebody else has written.
                shown = {"title": lambda *args: Markup(markup)}  # noqa: S704
                space = {"column_formatters": shown, "column_editable_list": []}
                view = type("PostView", (module.PostView,), space)
                patch.setattr(module, "PostView", view)
            app = module.create_app({"SQLALCHEMY_ENGINES": {"default": url}})
        server = make_server("127.0.0.1", 0, app, threaded=True)
        threading.Thread(target=server.serve_forever).start()
        servers.append(server)
        page = new_context().new_page()
        page.asked, page.errors = [], []

        def answer(dialog):
            page.asked.append(dialog.message)
            dialog.accept()

        page.on("dialog", answer)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.goto(f"http://127.0.0.1:{server.server_port}{path}")
        return page

    yield open_page
    for server in servers:
        server.shutdown()
        server.server_close()


def rows(page):
    return page.locator("table.model-list tbody tr").count()


def delete(page):
    page.locator("form.icon button").first.click()
    page.wait_for_load_state()
    assert page.asked == ["Are you sure you want to delete this record?"]
    assert rows(page) == 1


def bulk_action(page):
    page.locator("input.action-checkbox").first.check()
    page.get_by_text("With selected").click()
    page.locator("a.dropdown-item[onclick*=execute]").click()
    page.get_by_text("Record was successfully deleted.").wait_for()
    assert page.asked == ["Are you sure you want to delete selected records?"]


@pytest.mark.parametrize("act", [delete, bulk_action])
def test_the_list(act, admin):
    page = admin("/admin/post/")
    assert rows(page) == 2
    act(page)
    assert page.errors == []


def test_an_inline_row_is_added(admin):
    page = admin("/admin/author/edit/?id=1")
    before = page.locator("[id^=posts-][id$=-title]").count()
    page.get_by_role("button", name="Add Posts").click()
    assert page.locator("[id^=posts-][id$=-title]").count() == before + 1
    assert page.errors == []


def fail_to_load(page):
    """The picture failed before the page's scripts were there: let it fail again."""
    page.locator("img[onerror]").first.dispatch_event("error")


def test_injected_markup_does_nothing(admin):
    page = admin("/admin/post/", markup=INJECTED)
    fail_to_load(page)
    assert page.asked == []
    assert rows(page) == 2


def test_with_a_hash_it_would_run(admin):
    module = without(content_security_policy, *HASHED)
    page = admin("/admin/post/", module, INJECTED)
    fail_to_load(page)
    assert page.asked == ["Are you sure you want to delete selected records?"]


def test_without_the_script_nothing_asks(admin):
    line = '    extra_js = ["/admin-handlers.js"]\n'
    page = admin("/admin/post/", without(content_security_policy, line))
    page.locator("form.icon button").first.click()
    page.wait_for_load_state()
    assert page.asked == []
    assert rows(page) == 1
