"""A browser, and the built site as a host would serve it."""

import contextlib
import functools
import http.server
import os
import shutil
import threading

from playwright.sync_api import sync_playwright

PREFIX = "/en/latest"
BROWSERS = ["chromium", "chromium-browser", "google-chrome"]
FIREFOXES = ["firefox", "firefox-esr"]
# A fresh profile that asks nothing of its vendor.
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-sync"]


def find_browser(variable="BROWSER", names=BROWSERS):
    """The browser named in an environment variable, or the first that is installed."""
    names = [os.environ[variable]] if os.environ.get(variable) else names
    return next(filter(None, map(shutil.which, names)), None)


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


def launch_options(browser_name="chromium"):
    if browser_name == "firefox":
        # By the protocol that an unpatched Firefox speaks.
        firefox = find_browser("FIREFOX", FIREFOXES)
        return {"channel": "moz-firefox", "executable_path": firefox}
    return {"executable_path": find_browser(), "args": ARGUMENTS}


@contextlib.contextmanager
def launch():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())
        yield browser
        browser.close()
