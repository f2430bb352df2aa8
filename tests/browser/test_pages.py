"""Every page in a real browser: accessible, self-contained, readable on a phone."""

from itertools import cycle

import pytest

from tools.paths import HOSTED
from tools.publish.states import (
    DESKTOP,
    PHONE,
    SETTINGS,
    STATES,
    overflow,
    reach,
    violations,
)

PAGES = sorted(path.relative_to(HOSTED).as_posix() for path in HOSTED.rglob("*.html"))
# One of each kind of page.
SAMPLE = [
    "index.html",
    "errors.html",
    "compatibility.html",
    "findings.html",
    "404.html",
]
SAMPLE += ["performance.html", "tour.html", "reference.html", "recipes/csrf.html"]
SAMPLE += ["tutorial/forms.html", "workarounds/lazy-session.html"]
SAMPLE += ["search.html?q=session"]
REACHED = [(name, state) for name in SAMPLE for state in STATES]
# Each state meets each setting, and each page does.
WITH_SETTINGS = [
    (*reached, setting)
    for reached, setting in zip(REACHED, cycle([*SETTINGS, SETTINGS[1]]), strict=False)
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(name, width, scheme, open_page):
    page = open_page(name, width, scheme)
    assert violations(page) == []
    assert page.abroad == []


@pytest.mark.parametrize(("name", "state", "setting"), WITH_SETTINGS)
def test_axe_finds_nothing_in_what_people_reach(name, state, setting, open_page):
    options = dict(setting)
    page = open_page(name, STATES[state][0], options.pop("color_scheme"), **options)
    if "?" in name:
        page.locator("#search li").first.wait_for()
    reach(page, state)
    assert violations(page) == []
    assert overflow(page) <= 0


@pytest.mark.parametrize("name", SAMPLE[:3])
def test_axe_finds_nothing_where_nothing_is_hosted(name, open_page, plain):
    assert violations(open_page(name, root=plain)) == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_overflows_the_narrowest_phone(name, open_page):
    page = open_page(name, 320)
    assert overflow(page) <= 0


def test_axe_finds_a_planted_fault(open_page):
    page = open_page("index.html")
    page.evaluate("document.querySelector('article').append(new Image())")
    assert "image-alt" in [rule for rule, _ in violations(page)]


def test_axe_finds_a_target_that_is_too_small(open_page):
    page = open_page("index.html")
    page.evaluate(
        """() => document.querySelector("article").insertAdjacentHTML("afterbegin",
             "<button style='all: unset; font-size: 8px'>a</button>".repeat(9))"""
    )
    assert "target-size" in [rule for rule, _ in violations(page)]


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


def test_a_block_is_copied_by_keyboard(open_page):
    page = open_page("doctor.html", permissions=["clipboard-read", "clipboard-write"])
    button = page.locator(".highlight button.copy").first
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.textContent == 'Copied'")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("curl ")


@pytest.mark.parametrize("name", PAGES)
def test_prompts_and_output_are_not_there_to_be_copied(open_page, name):
    page = open_page(name)
    copied = page.locator("div.highlight:has(> button.copy)")
    assert copied.locator(".gp, .go").count() == 0


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
