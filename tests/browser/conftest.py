"""A browser, and the built site as a host would serve it."""

import pytest
from playwright.sync_api import sync_playwright

from tools.paths import SITE
from tools.publish.browser import find_browser, serve, start_chromium


def pytest_configure(config):
    if find_browser() is None:
        raise pytest.UsageError(
            "no browser found: install chromium, or name one in BROWSER"
        )
    if not (SITE / "index.html").exists():
        raise pytest.UsageError("no site found: nox -s docs builds it")


@pytest.fixture(scope="session")
def site():
    with serve(SITE) as address:
        yield address


@pytest.fixture(scope="session")
def playwright():
    # One for all browsers: a thread can have no second one.
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def browser(playwright):
    browser = start_chromium(playwright)
    yield browser
    browser.close()


@pytest.fixture
def open_page(browser, site):
    """Open a page of the site; what it asked of other hosts is in ``page.abroad``."""
    contexts = []

    def open_page(name, width=1280, scheme="light", **options):
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.abroad = []
        page.on(
            "request",
            lambda request: (
                request.url.startswith((site, "data:"))
                or page.abroad.append(request.url)
            ),
        )
        page.goto(f"{site}/{name}")
        return page

    yield open_page
    for context in contexts:
        context.close()
