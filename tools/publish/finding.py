"""Where the search page ranks what readers look for: data/claims/searches.toml."""

import re
from collections import defaultdict
from urllib.parse import quote

from tools import claims

WANTED = 3


def searches():
    """``{what is typed: the pages of which one is wanted}``."""
    wanted = defaultdict(set)
    for name, text in claims.read("searches")["recipes"].items():
        wanted[text].add(f"recipes/{name}")
    for error in claims.read("errors")["error"]:
        wanted[error["message"]].add(error["page"])
    for _, about in claims.recipes():
        if about.get("error"):
            wanted[about["error"]].add(f"recipes/{about['page']}")
    # With its full stop and without, a message is one message.
    same = defaultdict(set)
    for text, pages in wanted.items():
        same[text.strip(".")] |= pages
    return {text: same[text.strip(".")] for text in wanted}


def found(page, site, text):
    """The pages that the search of a site lists, best first."""
    page.goto(f"{site}/search.html?q={quote(text)}")
    page.wait_for_function("document.querySelector('#search output').value")
    links = page.locator("#search li a").evaluate_all(
        "(links) => links.map((link) => link.href.split('#')[0])"
    )
    return [re.sub(r"\.html$", "", link.removeprefix(f"{site}/")) for link in links]


def missed(page, site):
    """What is wanted and not among the first, with what is there instead."""
    found_instead = {}
    for text, wanted in searches().items():
        first = found(page, site, text)[:WANTED]
        if not wanted & {*first}:
            found_instead[text] = first
    return found_instead
