"""A dozen pages as a host publishes them, in a browser; ``nox -s browser`` sees all."""

import pytest

from tools.publish import finding
from tools.publish.browser import find_browser, launch, serve
from tools.publish.states import SETTINGS, STATES, overflow, reach, violations

# A page in each state, with each setting.
LOOKS = [
    ("index.html", "as it opens", 0),
    ("index.html", "pages open", 1),
    ("errors.html", "on a phone", 0),
    ("doctor.html", "unfolded", 2),
    ("comparison.html", "zoomed", 1),
    ("tour.html", "scrolled up again", 3),
    ("index.html", "contents open", 0),
    ("problem.html", "last tab", 1),
    ("recipes/csrf.html", "on a phone", 2),
    ("tutorial/forms.html", "unfolded", 0),
    ("workarounds/proxy-sqlalchemy.html", "unfolded", 1),
    ("404.html", "as it opens", 3),
]
pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def browser():
    if find_browser() is None:
        pytest.skip("no browser found: install chromium, or name one in BROWSER")
    with launch() as browser:
        yield browser


@pytest.fixture(scope="module")
def site(browser, published):
    with serve(published / "html") as address:
        yield address


@pytest.mark.parametrize(("name", "state", "setting"), LOOKS)
def test_a_page(name, state, setting, browser, site):
    size = {"width": STATES[state][0], "height": 900}
    page = browser.new_page(viewport=size, **SETTINGS[setting])
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site}/{name}")
    reach(page, state)
    assert violations(page) == []
    assert overflow(page) <= 0
    assert [url for url in asked if not url.startswith((site, "data:"))] == []
    page.close()


def test_the_search_finds_each_message_and_each_recipe(browser, site):
    page = browser.new_page()
    assert finding.missed(page, site) == {}
    page.close()
