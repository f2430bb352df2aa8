"""Weigh and time "Try it here" in a browser; exits with 1 when a budget is missed.

It needs ``nox -s build -- live`` and a build of the site before it.
"""

import json
import sys
import time

from tools.paths import SITE
from tools.publish.browser import launch, serve
from tools.publish.budgets import compressed, report

PAGE = "workarounds/lazy-session.html"
LIVE = SITE / "_static/live"


def start(context, address):
    """Seconds from the click to the first page of the admin."""
    page = context.new_page()
    page.goto(address)
    begin = time.monotonic()
    box = page.locator(".live").first
    box.get_by_role("button").click()
    box.frame_locator("iframe").locator(".model-list").wait_for(timeout=120_000)
    seconds = time.monotonic() - begin
    assets = page.frames[1].evaluate(
        "performance.getEntriesByType('resource').map(entry => entry.name)"
    )
    page.close()
    return seconds, [url.split("?")[0].rpartition("/static/")[2] for url in assets]


def main():
    if not LIVE.exists():
        sys.exit(
            "live_budgets: no button in the site: nox -s build -- live before its build"
        )
    manifest = json.loads((LIVE / "manifest.json").read_text())
    files = (LIVE / manifest["version"]).iterdir()
    plain = sum(path.stat().st_size for path in files) / 1e6
    with launch() as browser, serve(SITE) as site:
        cold, warm = [], []
        for _ in range(3):
            context = browser.new_context()
            cold.append(start(context, f"{site}/{PAGE}")[0])
            seconds, assets = start(context, f"{site}/{PAGE}")
            warm.append(seconds)
            context.close()
    assets = {LIVE / "static" / name for name in assets}
    admin = sum(compressed(path) for path in assets if path.is_file()) / 1e6
    before = sum(compressed(LIVE / name) for name in ["live.js", "live.css"]) / 1024
    rows = [
        ("bytes on click, compressed", manifest["bytes"] / 1e6 + admin, 9, "MB"),
        ("of them Flask-Admin's styles and scripts", admin, None, "MB"),
        ("the runtime where the host compresses nothing", plain, None, "MB"),
        ("click to first page, cold", min(cold), None, "s"),
        ("click to first page, warm", min(warm), 5, "s"),
        ("page weight before the click", before, 3, "KB"),
    ]
    report("live_budgets", rows)


if __name__ == "__main__":
    main()
