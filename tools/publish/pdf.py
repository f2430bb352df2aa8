"""Print the guide as one PDF with the browser: ``nox -s build -- pdf``."""

import sys

from tools.paths import ROOT
from tools.publish.browser import find_browser, launch

BOOK = ROOT / "build/singlehtml/index.html"
OUTPUT = ROOT / "build/pdf/flask-admin-on-flask-sqlalchemy-lite.pdf"
FOOT = """<div style="font-size: 8px; width: 100%; text-align: center">
<span class="pageNumber"></span></div>"""


def main():
    if find_browser() is None:
        sys.exit("pdf: no browser found: install chromium, or name it in BROWSER")
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    with launch() as browser:
        page = browser.new_page(color_scheme="light")
        page.goto(BOOK.as_uri())
        # Pictures that are further down are loaded when somebody scrolls there.
        page.evaluate(
            """() => Promise.all([...document.images].map(image => {
                 image.loading = "eager";
                 return image.decode().catch(() => {});
               }))"""
        )
        page.pdf(
            path=OUTPUT,
            format="A4",
            outline=True,
            tagged=True,
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOT,
            margin={"top": "16mm", "bottom": "16mm", "left": "14mm", "right": "14mm"},
        )
    print(f"pdf: {OUTPUT.stat().st_size / 1e6:.1f} MB in {OUTPUT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
