"""A browser, and the built site as a host would serve it."""

import contextlib
import functools
import http.server
import os
import shutil
import threading

import pytest
from playwright.sync_api import sync_playwright

from tests.matrix import ROOT

SITE = ROOT / "build/html"
PREFIX = "/en/latest"
BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
FIREFOXES = ["firefox", "firefox-esr"]
# A fresh profile that asks nothing of its vendor.
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-sync"]


def find_browser(variable="BROWSER", names=BROWSERS):
    """The browser named in an environment variable, or the first that is installed."""
    names = [os.environ[variable]] if os.environ.get(variable) else names
    return next(filter(None, map(shutil.which, names)), None)


def find_firefox():
    return find_browser("FIREFOX", FIREFOXES)


def pytest_configure(config):
    if find_browser() is None:
        raise pytest.UsageError(
            "no browser found: install chromium, or name one in BROWSER"
        )
    if not (SITE / "index.html").exists():
        raise pytest.UsageError("no site found: nox -s docs builds it")


class Handler(http.server.SimpleHTTPRequestHandler):
    def translate_path(self, path):
        return super().translate_path(path.removeprefix(PREFIX))

    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def serve(folder):
    """Serve a folder under the prefix; yield the address of its root."""
    handler = functools.partial(Handler, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def start_chromium(playwright):
    return playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)


def start_firefox(playwright):
    # By the protocol that an unpatched Firefox speaks.
    return playwright.firefox.launch(
        channel="moz-firefox", executable_path=find_firefox()
    )


@contextlib.contextmanager
def launch():
    with sync_playwright() as playwright:
        browser = start_chromium(playwright)
        yield browser
        browser.close()


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
