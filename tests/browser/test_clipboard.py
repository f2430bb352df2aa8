"""What the copy button puts on the clipboard runs alone, in an empty folder."""

import pytest

from tools.measure import paste
from tools.paths import SITE

PROGRAMS = ["index", "recipes/tenants", "recipes/flask-login"]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_whole_program_runs_from_the_clipboard(open_page, tmp_path, name):
    page = open_page(f"{name}.html", permissions=["clipboard-read", "clipboard-write"])
    page.locator("details.program > summary").first.click()
    button = page.locator("details.program .highlight-python button.copy").first
    button.click()
    page.wait_for_function("document.activeElement.textContent == 'Copied'")
    read = paste.read(SITE, name)
    read.whole = page.evaluate("navigator.clipboard.readText()")
    job = paste.alone(read, tmp_path)
    python = paste.environment(tuple(read.packages))
    assert paste.run(python, [job], tmp_path / "home") == [""]
