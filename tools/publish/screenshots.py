"""Take the pictures of the admin that the pages show.

Usage: ``nox -s measure -- screenshots [NAME ...]``

Each picture is of a page that one GET or one submitted form leads to. A fingerprint of
that page's HTML is kept beside the pictures; a test holds it against the page of today.
"""

import hashlib
import importlib
import json
import logging
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from bs4 import BeautifulSoup
from flask_admin.theme import Bootstrap4Theme
from PIL import Image
from werkzeug.serving import make_server

from tools.paths import ROOT

PLACE = ROOT / "docs/_static/screenshots"
PRINTS = PLACE / "fingerprints.json"
GUIDE = "snippets.workarounds.lazy_session"
# Name: module, address, and what is typed into the form there before it is sent.
SHOTS = {
    "list": (GUIDE, "/admin/post/", {}),
    "details": (GUIDE, "/admin/user/details/?id=1", {}),
    "filters": (GUIDE, "/admin/post/?flt0_0=1952-05-02", {}),
    "inline": (GUIDE, "/admin/user/edit/?id=2", {}),
    "unique": (
        GUIDE,
        "/admin/user/new/",
        {"name": "Ada again", "email": "ada@example.com"},
    ),
    "tutorial-first-page": ("snippets.tutorial.first_page", "/admin/author/", {}),
    "tutorial-forms": ("snippets.tutorial.forms", "/admin/author/new/", {}),
    "tutorial-relation": ("snippets.tutorial.relation", "/admin/book/", {}),
    "tutorial-validation": (
        "snippets.tutorial.validation",
        "/admin/book/new/",
        {"title": "Notes", "year": "3000"},
    ),
    "tutorial-login": (
        "snippets.tutorial.login",
        "/login",
        {"name": "ada", "password": "guess"},
    ),
}
SWATCHES = {"light": "default", "dark": "darkly"}
SIZE = {"width": 1000, "height": 560}


def application(module, folder):
    """Make the application of a snippet with an empty database."""
    url = f"sqlite:///{folder}/guide.db"
    config = {"SECRET_KEY": "testing", "SQLALCHEMY_ENGINES": {"default": url}}
    return importlib.import_module(module).create_app(config)


def dispose(app):
    with app.app_context():
        app.extensions["sqlalchemy"].engine.dispose()


def fingerprint(name):
    """A hash of the page that a picture shows, without what differs in each run."""
    module, address, typed = SHOTS[name]
    with TemporaryDirectory() as folder:
        app = application(module, folder)
        client = app.test_client()
        text = client.get(address).text
        if typed:
            page = BeautifulSoup(text, "html.parser")
            token = page.select_one("[name=csrf_token]")["value"]
            text = client.post(address, data=typed | {"csrf_token": token}).text
        dispose(app)
    page = BeautifulSoup(text, "html.parser")
    body = (page.body or page).prettify()
    body = re.sub(r"\d{14}##[0-9a-f]{40}", "token", body)
    return hashlib.sha256(body.encode()).hexdigest()


@contextmanager
def serve(name, scheme):
    """Serve the application of a picture; yield its host."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        # Playwright runs an event loop in this thread, and Lite closes sessions in one.
        app = thread.submit(application, SHOTS[name][0], folder).result()
        app.extensions["admin"][0].theme = Bootstrap4Theme(swatch=SWATCHES[scheme])
        server = make_server("127.0.0.1", 0, app)
        thread.submit(server.serve_forever)
        try:
            yield f"http://127.0.0.1:{server.port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.submit(dispose, app).result()


def take(browser, name, scheme):
    """Write one picture."""
    _, address, typed = SHOTS[name]
    with serve(name, scheme) as host:
        context = browser.new_context(viewport=SIZE, color_scheme=scheme)
        page = context.new_page()
        # A swatch asks a font service for letters: the machine's own will do.
        page.route(re.compile(f"^(?!{re.escape(host)})"), lambda route: route.abort())
        page.goto(host + address)
        for field, text in typed.items():
            page.fill(f"[name={field}]", text)
        if typed:
            # In a field, Enter sends the form.
            page.keyboard.press("Enter")
        page.wait_for_load_state("networkidle")
        picture = Image.open(BytesIO(page.screenshot()))
        picture.save(PLACE / f"{name}-{scheme}.webp", quality=70, method=6)
        context.close()


def main(names):
    from tools.publish.browser import find_browser, launch

    unknown = [name for name in names if name not in SHOTS]
    if unknown:
        sys.exit(f"screenshots: no picture {unknown[0]!r}: {', '.join(SHOTS)}")
    if find_browser() is None:
        sys.exit(
            "screenshots: no browser found: install chromium, or name it in BROWSER"
        )
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    PLACE.mkdir(exist_ok=True)
    prints = json.loads(PRINTS.read_text("utf-8")) if PRINTS.exists() else {}
    with launch() as browser:
        for name in names or SHOTS:
            for scheme in SWATCHES:
                take(browser, name, scheme)
    prints |= {name: fingerprint(name) for name in names or SHOTS}
    kept = {name: prints[name] for name in SHOTS if name in prints}
    PRINTS.write_text(json.dumps(kept, indent=1) + "\n", "utf-8")
    size = sum(Path(path).stat().st_size for path in PLACE.glob("*.webp"))
    print(f"{len(kept)} pictures, {size / 1024:.0f} KB in light and dark")


if __name__ == "__main__":
    main(sys.argv[1:])
