"""The built site as a host would serve it, in the browsers of pytest-playwright."""

import pytest

from tools.paths import HOSTED, SITE
from tools.publish.browser import find_browser, launch_options, serve


def pytest_configure(config):
    if not config.pluginmanager.hasplugin("playwright"):
        raise pytest.UsageError("give -p playwright, as nox -s browser does")
    if find_browser() is None:
        raise pytest.UsageError(
            "no browser found: install chromium, or name one in BROWSER"
        )
    for folder in HOSTED, SITE:
        if not (folder / "index.html").exists():
            raise pytest.UsageError(f"no site in {folder}: nox -s browser builds it")


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc):
    """Look at the pages in one browser, and run their programs in two."""
    live = metafunc.module.__name__.endswith(".test_live")
    metafunc.config.option.browser = ["chromium", "firefox"] if live else ["chromium"]


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_name):
    options = launch_options(browser_name)
    if options["executable_path"] is None:
        pytest.skip(f"no {browser_name} found: install it, or name one in FIREFOX")
    return options


@pytest.fixture(scope="session")
def site():
    """The address of the site as a host publishes it."""
    with serve(HOSTED) as address:
        yield address


@pytest.fixture(scope="session")
def plain():
    """The address of the site as everybody builds it."""
    with serve(SITE) as address:
        yield address


@pytest.fixture
def open_page(new_context, site):
    """Open a page of the site; what it asked of other hosts is in ``page.abroad``."""

    def open_page(name, width=1280, scheme="light", root=site, **options):
        size = {"width": width, "height": 900}
        page = new_context(viewport=size, color_scheme=scheme, **options).new_page()
        page.abroad = []
        page.on(
            "request",
            lambda request: (
                request.url.startswith((root, "data:"))
                or page.abroad.append(request.url)
            ),
        )
        page.goto(f"{root}/{name}")
        return page

    return open_page
