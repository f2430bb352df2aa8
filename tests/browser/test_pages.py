"""Every page in a real browser: accessible, self-contained, readable on a phone."""

from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe

from tools.paths import SITE

PAGES = sorted(path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html"))
PHONE, DESKTOP = 390, 1280


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(name, width, scheme, open_page):
    page = open_page(name, width, scheme)
    found = Axe().run(page).response["violations"]
    assert [
        (rule["id"], node["html"][:200]) for rule in found for node in rule["nodes"]
    ] == []
    assert page.abroad == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_overflows_the_narrowest_phone(name, open_page):
    page = open_page(name, 320)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 320


def test_axe_finds_a_planted_fault(open_page):
    page = open_page("index.html")
    page.evaluate("document.querySelector('article').append(new Image())")
    rules = [rule["id"] for rule in Axe().run(page).response["violations"]]
    assert "image-alt" in rules


def test_every_link_and_anchor_resolves(open_page):
    page = open_page("index.html")
    broken = page.evaluate(
        """async names => {
          const root = location.href.replace(/index.html$/, ""), ids = {}, links = [];
          for (const name of names) {
            const answer = await fetch(root + name);
            const text = await answer.text();
            const dom = new DOMParser().parseFromString(text, "text/html");
            const named = [...dom.querySelectorAll("[id]")];
            ids[root + name] = new Set(named.map(element => element.id));
            for (const link of dom.querySelectorAll("a[href]"))
              links.push([name, new URL(link.getAttribute("href"), root + name).href]);
          }
          const broken = [];
          for (const [name, href] of links) {
            if (name === "404.html" || !href.startsWith(root)) continue;
            const [page, anchor] = href.split("#");
            if (!(page in ids)) {
              const answer = await fetch(page);
              ids[page] = answer.ok ? new Set() : null;
            }
            if (!ids[page] || (anchor && !ids[page].has(decodeURIComponent(anchor))))
              broken.push(`${name}: ${href}`);
          }
          return broken;
        }""",
        PAGES,
    )
    assert broken == []


def test_the_copy_button_takes_no_prompt_and_no_output(open_page):
    page = open_page("doctor.html", permissions=["clipboard-read", "clipboard-write"])
    button = page.locator(".highlight-console button.copy").first
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.textContent == 'Copied'")
    copied = page.evaluate("navigator.clipboard.readText()").strip()
    assert copied == "python doctor.py --app snippets.workarounds.proxy_sqlalchemy"


def test_a_tab_is_remembered(open_page):
    page = open_page("index.html")
    label = page.locator(".tab-label").nth(1)
    label.click()
    page.reload()
    checked = page.locator(".tab-input").nth(1)
    assert checked.is_checked()


def test_a_block_scrolls_by_keyboard(open_page):
    page = open_page("problem.html", PHONE)
    block = page.locator(".highlight-console pre[tabindex='0']").first
    block.focus()
    before = block.evaluate("e => e.scrollLeft")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "before => document.activeElement.scrollLeft > before", arg=before
    )


def test_the_first_tab_key_leads_past_the_navigation(open_page):
    page = open_page("index.html")
    page.keyboard.press("Tab")
    assert (
        page.evaluate("document.activeElement.getAttribute('href')")
        == "#furo-main-content"
    )


def test_reduced_motion_holds(open_page):
    page = open_page("index.html", reduced_motion="reduce")
    moving = page.evaluate(
        """[...document.querySelectorAll("*")].filter(element => {
          const style = getComputedStyle(element);
          return parseFloat(style.transitionDuration) > 0
            || style.animationName !== "none" || style.scrollBehavior === "smooth";
        }).map(element => element.outerHTML.slice(0, 100))"""
    )
    assert moving == []


def test_the_search_finds_each_error_message(open_page):
    page = open_page("errors.html")
    cells = page.locator("#all-messages h3 > code").all_inner_texts()
    assert len(cells) >= 20
    missed = []
    for message in cells:
        page.goto(
            f"{page.url.rsplit('/', 1)[0]}/search.html?{urlencode({'q': message})}"
        )
        page.wait_for_selector("#search-results .search-summary:not(:empty)")
        page.wait_for_function(
            "!document.querySelector('#search-results .search-summary')"
            ".textContent.startsWith('Search')"
            " || document.querySelector('#search-results ul.search li')"
        )
        links = page.locator("#search-results ul.search a").evaluate_all(
            "found => found.map(link => link.pathname)"
        )
        if not any(link.endswith("/errors.html") for link in links):
            missed.append(message)
    assert missed == []
