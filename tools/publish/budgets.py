"""Weigh and time the site beside a stock Furo site of the same words, and a peer.

Usage: ``nox -s check -- budgets``. Prints a table; exits with 1 when one is missed.
Weight, shift and foreign requests are those of the worst of all pages.
The peer is the documentation of Flask-SQLAlchemy: that of Flask-SQLAlchemy-Lite is in
none of its source archives.
"""

import gzip
import re
import shutil
import subprocess
import sys
import tarfile
import time
from importlib.metadata import version
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bs4 import BeautifulSoup

from tools.paths import ROOT, SITE
from tools.publish.browser import find_browser, launch, serve

KB = 1024
SPHINX = [sys.executable, "-m", "sphinx", "-q", "-j", "auto"]
PEER = "flask-sqlalchemy==3.1.1"
PEER_TOOLS = [PEER, f"sphinx=={version('sphinx')}", "pip"]
PEER_TOOLS += ["pallets-sphinx-themes", "sphinx-issues"]
ROUNDS = 3
# The "slow 4G" of browsers' own tools: bytes per second, milliseconds.
NETWORK = {"downloadThroughput": 1.6e6 / 8, "uploadThroughput": 750e3 / 8}
LATENCY = 150
PAINT = """() => new Promise(done => {
  let paint = 0, shift = 0;
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) paint = entry.startTime;
  }).observe({type: "largest-contentful-paint", buffered: true});
  new PerformanceObserver(list => {
    for (const entry of list.getEntries())
      if (!entry.hadRecentInput) shift += entry.value;
  }).observe({type: "layout-shift", buffered: true});
  requestIdleCallback(() => setTimeout(() => done([paint, shift]), 500));
})"""


def compressed(path):
    return len(gzip.compress(path.read_bytes(), 9))


def weigh(page):
    """The compressed bytes of a page with its stylesheets and scripts."""
    dom = BeautifulSoup(page.read_bytes(), "html.parser")
    links = [link["href"] for link in dom.select("link[rel=stylesheet]")]
    links += [script["src"] for script in dom.select("script[src]")]
    files = [page.parent / link.split("?")[0] for link in links]
    return sum(map(compressed, [page, *files]))


def make_stock(folder):
    """Write the sources of a stock Furo site with the words of the guide."""
    text = folder / "text"
    subprocess.run(
        [*SPHINX, "-b", "text", "-c", ".", "docs", text], cwd=ROOT, check=True
    )
    source = folder / "stock"
    names = sorted(
        path.relative_to(text).with_suffix("") for path in text.rglob("*.txt")
    )
    for name in names:
        words = (text / f"{name}.txt").read_text("utf-8")
        page = source / f"{name}.md"
        page.parent.mkdir(parents=True, exist_ok=True)
        # Three spaces are a block of code in the text; four are one in Markdown.
        page.write_text(re.sub(r"^   ", "    ", words, flags=re.MULTILINE), "utf-8")
    with (source / "index.md").open("a") as index:
        pages = "\n".join(str(name) for name in names if str(name) != "index")
        index.write(f"\n```{{toctree}}\n:hidden:\n\n{pages}\n```\n")
    settings = 'extensions = ["myst_parser"]\nhtml_theme = "furo"\n'
    (source / "conf.py").write_text(settings)
    return source, len(names)


def make_peer(folder):
    """Get the sources of the peer and what builds them, without intersphinx.

    :return: the command that builds them, and how many pages they are.
    :raises SystemExit: when the package index does not give them.
    """
    python = folder / "tools/bin/python"
    download = [python, "-m", "pip", "download", "-q", "--no-deps", PEER]
    try:
        for command in [
            ["uv", "venv", "-q", "--python", sys.executable, folder / "tools"],
            ["uv", "pip", "install", "-q", "--python", python, *PEER_TOOLS],
            [*download, "--no-binary", ":all:", "--dest", folder],
        ]:
            subprocess.run(command, check=True, stderr=subprocess.PIPE)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"budgets: the documentation of {PEER} cannot be had: {error}")
    [path] = folder.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    [docs] = folder.glob("*/docs")
    extensions = "extensions=sphinx.ext.autodoc,pallets_sphinx_themes,sphinx_issues"
    command = [python, *SPHINX[1:], "-D", extensions, docs]
    return command, len([*docs.rglob("*.rst")])


def timed(command):
    start = time.monotonic()
    subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
    return time.monotonic() - start


def paint(browser, address):
    """Largest contentful paint in seconds and layout shift, on a slow network."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    network = NETWORK | {"offline": False, "latency": LATENCY}
    context.new_cdp_session(page).send("Network.emulateNetworkConditions", network)
    page.goto(address, wait_until="load")
    milliseconds, shift = page.evaluate(PAINT)
    context.close()
    return milliseconds / 1000, shift


def shifts(browser, site, names):
    """How much of each page moves while it opens on a phone."""
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    found = {}
    for name in names:
        page.goto(f"{site}/{name}", wait_until="load")
        found[name] = page.evaluate(PAINT)[1]
    context.close()
    return found


def abroad(page):
    """What a page would fetch from another host."""
    dom = BeautifulSoup(page.read_bytes(), "html.parser")
    loads = [tag.get("src") for tag in dom.select("[src]")]
    loads += [
        link["href"]
        for link in dom.select("link[href]")
        if "canonical" not in link["rel"]
    ]
    return [link for link in loads if re.match(r"(https?:)?//", link)]


def report(name, rows):
    """Print what was measured; a budget of None is none.

    :raises SystemExit: when a budget is missed.
    """
    print(f"{'':<47}{'measured':>10}{'budget':>8}")
    missed = 0
    for what, value, budget, unit in rows:
        over = budget is not None and value > budget
        missed += over
        sign = "" if budget is None else "MISSED" if over else "ok"
        limit = "" if budget is None else budget
        print(f"{what:<47}{value:>10.2f}{limit:>8} {unit:<3}{sign}")
    if missed:
        sys.exit(f"{name}: {missed} of {len(rows)} missed")


def main():
    if find_browser() is None:
        sys.exit("budgets: no browser found: install chromium, or name it in BROWSER")
    with TemporaryDirectory() as folder:
        folder = Path(folder)
        source, count = make_stock(folder)
        peer, peer_count = make_peer(folder)
        ours, stock = ([], folder / "ours"), ([], folder / "html")
        peer_times = []
        for number in range(ROUNDS):
            peer_times.append(timed([*peer, folder / f"peer-{number}"]))
            shutil.rmtree(stock[1], ignore_errors=True)
            shutil.rmtree(ours[1], ignore_errors=True)
            stock[0].append(timed([*SPHINX, source, stock[1]]))
            ours[0].append(timed([*SPHINX, "-c", ".", "docs", ours[1]]))
        # The same words again, so the working tree stays as it is.
        rebuilds, stock_rebuilds = [], []
        for _ in range(ROUNDS):
            (ROOT / "docs/verify.md").touch()
            rebuilds.append(timed([*SPHINX, "-c", ".", "docs", ours[1]]))
            (source / "verify.md").touch()
            stock_rebuilds.append(timed([*SPHINX, source, stock[1]]))
        rebuild, stock_rebuild = median(rebuilds), median(stock_rebuilds)
        per_page = median(ours[0]) / count
        peer_ratio = per_page / (median(peer_times) / peer_count)
        # The page for lost readers names its files from the root of the host.
        pages = sorted(set(SITE.rglob("*.html")) - {SITE / "404.html"})
        weights = {page.relative_to(SITE).as_posix(): weigh(page) for page in pages}
        with launch() as browser:
            with serve(SITE) as address:
                seconds, shift = paint(browser, f"{address}/index.html")
                moved = shifts(browser, address, weights)
            with serve(stock[1]) as address:
                stock_seconds, _ = paint(browser, f"{address}/index.html")
        moved["index.html"] = max(moved["index.html"], shift)
        liveliest = max(moved, key=moved.get)
        heaviest = max(weights, key=weights.get)
        strangers = sum(len(abroad(page)) for page in pages)
        stock_index = weigh(stock[1] / "index.html")
    rows = [
        ("index with css and js", weights["index.html"] / KB, 32, "KB"),
        (f"heaviest page ({heaviest})", weights[heaviest] / KB, 60, "KB"),
        ("requests to other hosts", strangers, 0, ""),
        (f"build per page, {count} pages, times the peer", peer_ratio, 1, "x"),
        ("build per page, times stock", per_page * count / median(stock[0]), None, "x"),
        ("rebuild of one page", rebuild, 1, "s"),
        ("rebuild of one page, times stock", rebuild / stock_rebuild, None, "x"),
        ("largest contentful paint, times stock", seconds / stock_seconds, 1.15, "x"),
        (f"layout shift ({liveliest})", moved[liveliest], 0.02, ""),
    ]
    print(f"stock Furo: index {stock_index / KB:.1f} KB, paint {stock_seconds:.2f} s")
    report("budgets", rows)


if __name__ == "__main__":
    main()
