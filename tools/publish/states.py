"""The states of a page that people reach, and what axe says of them.

The rules are those of WCAG 2.2 AA and axe's own good practice; of the size of targets
axe says nothing unless it is asked to.
"""

from axe_playwright_python.sync_playwright import Axe

OPTIONS = {"rules": {"target-size": {"enabled": True}}}
PHONE, DESKTOP = 390, 1280
# What a person has done to a page, as a script, and how wide the window is.
STATES = {
    "as it opens": (DESKTOP, ""),
    "on a phone": (PHONE, ""),
    "pages open": (PHONE, "document.querySelector('#__navigation').click()"),
    "contents open": (PHONE, "document.querySelector('#__toc').click()"),
    "unfolded": (
        DESKTOP,
        "document.querySelectorAll('details').forEach((fold) => (fold.open = true))",
    ),
    "last tab": (
        DESKTOP,
        """document.querySelectorAll('.tab-set').forEach((tabs) =>
             [...tabs.querySelectorAll(':scope > .tab-label')].at(-1).click())""",
    ),
    "scrolled up again": (
        DESKTOP,
        """scrollTo(0, 900); document.documentElement.classList.add("show-back-to-top");
           scrollTo(0, 600)""",
    ),
    # A window of 1280 pixels at 200 %.
    "zoomed": (DESKTOP // 2, ""),
}
# What a person has told the system; colours are then the system's.
SETTINGS = [
    {"color_scheme": "light"},
    {"color_scheme": "dark"},
    {"color_scheme": "dark", "forced_colors": "active"},
    {"color_scheme": "light", "reduced_motion": "reduce"},
]


def reach(page, state):
    """Bring an open page into a state."""
    script = STATES[state][1]
    # What moves into the window is looked at when it is there.
    page.add_style_tag(content="* { transition: none !important }")
    if script:
        page.evaluate(script)


def violations(page):
    """``(rule, element)`` of all that axe finds in the page as it is now."""
    found = Axe().run(page, options=OPTIONS).response["violations"]
    return [
        (rule["id"], node["html"][:200]) for rule in found for node in rule["nodes"]
    ]


def overflow(page):
    """By how many pixels a page is wider than its window."""
    return page.evaluate(
        "document.scrollingElement.scrollWidth - document.documentElement.clientWidth"
    )
