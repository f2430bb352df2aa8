"""The search page finds the guide's own messages, and what readers call its recipes."""

import gzip

import pytest

from tools import claims
from tools.paths import HOSTED
from tools.publish.finding import found, missed


def test_each_message_and_recipe_is_among_the_first(open_page, site):
    assert missed(open_page("search.html"), site) == {}


def test_each_recipe_has_a_search():
    assert {*claims.read("searches")["recipes"]} == {
        page.stem for page in claims.RECIPES
    }


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("sesion leak", "recipes/finding-leaks"),
        ("aplication context", "workarounds/app-context"),
        ("celary", "recipes/worker"),
        ("gunicron", "recipes/gunicorn"),
        ("soft delte", "recipes/soft-delete"),
        ("multi tenant row level security", "recipes/tenants"),
        ("falsk admin uplaod", "recipes/uploads"),
        ("mehrere Datenbanken", "recipes/several-databases"),
    ],
)
def test_typos_other_names_and_german_are_understood(typed, wanted, open_page, site):
    assert wanted in found(open_page("search.html"), site, typed)[:3]


def test_what_nobody_wrote_is_not_found(open_page, site):
    page = open_page("search.html")
    assert found(page, site, "zzqqxxyy") == []
    assert page.locator("#search output").inner_text().startswith("Nothing found")


def test_the_search_fetches_no_page_and_little_before_the_first_key(open_page, site):
    page = open_page("index.html")
    asked = []
    page.on("request", lambda request: asked.append(request.url.split("?")[0]))
    page.goto(f"{site}/search.html", wait_until="networkidle")
    files = [HOSTED / url.removeprefix(f"{site}/") for url in asked]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) < 60 * 1024
    asked.clear()
    page.locator("#search input").press_sequentially("session")
    page.locator("#search li").nth(9).wait_for()
    page.wait_for_load_state("networkidle")
    # The browser looks for the icon again each time the address changes.
    icon = f"{site}/_static/favicon.svg"
    assert {*asked} - {icon} == {f"{site}/_static/search/index.js"}
    texts = page.locator("#search li p").all_inner_texts()
    assert len(texts) == 10
    assert all(len(text) > 20 for text in texts)


def test_the_search_works_from_a_disk(new_context):
    page = new_context(offline=True).new_page()
    page.goto(f"{(HOSTED / 'search.html').as_uri()}?q=csrf")
    page.locator("#search li").first.wait_for()
    link = page.locator("#search li a").first
    link.click()
    page.wait_for_url("**/recipes/csrf.html*")
