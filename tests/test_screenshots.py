"""The pictures show the pages as they are today.

``nox -s measure -- screenshots`` takes them anew.
"""

import json

import pytest

from tools.publish import screenshots

PRINTS = json.loads(screenshots.PRINTS.read_text("utf-8"))


def test_each_picture_is_there_in_light_and_dark():
    files = {path.name for path in screenshots.PLACE.glob("*.webp")}
    assert files == {
        f"{name}-{scheme}.webp"
        for name in screenshots.SHOTS
        for scheme in screenshots.SWATCHES
    }
    assert max(path.stat().st_size for path in screenshots.PLACE.iterdir()) < 20_000


@pytest.mark.parametrize("name", screenshots.SHOTS)
def test_the_page_has_not_changed_since(name):
    anew = "run nox -s measure -- screenshots"
    assert screenshots.fingerprint(name) == PRINTS[name], anew


def test_a_changed_page_is_noticed(monkeypatch):
    monkeypatch.setitem(
        screenshots.SHOTS, "list", (screenshots.GUIDE, "/admin/post/?search=no", {})
    )
    assert screenshots.fingerprint("list") != PRINTS["list"]


def test_a_picture_that_is_not_declared_is_one_sentence():
    with pytest.raises(SystemExit, match="no picture 'nowhere'"):
        screenshots.main(["nowhere"])
