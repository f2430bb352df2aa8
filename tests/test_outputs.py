"""What the pages show as output is what the commands print today.

``nox -s measure -- outputs`` writes the files anew; a difference fails and is shown.
"""

from importlib import metadata

import pytest

from tools import claims, results, verdicts
from tools.measure.outputs import capture
from tools.paths import SNIPPETS

FILES = sorted([*SNIPPETS.rglob("*.console"), *SNIPPETS.rglob("*.csv")])
CAPTURED_WITH = verdicts.newest(results.compatibility()).packages


@pytest.mark.parametrize(
    "path", FILES, ids=lambda path: path.relative_to(SNIPPETS).as_posix()
)
def test_output(path, tmp_path, file_regression):
    for name, version in CAPTURED_WITH.items():
        here, pins = metadata.version(name), claims.pins()[name.lower()]
        declared = {each.version for pin in pins for each in pin.specifier}
        if version not in declared:
            pytest.fail(f"captured with {name} {version}: nox -s measure -- release")
        if here not in declared:
            pytest.fail(f"{name} {here} is not in requirements.txt: install that")
        if here != version:
            pytest.skip(f"captured with {name} {version}, this Python gets {here}")
    text = capture(path, tmp_path)
    file_regression.check(text, fullpath=path, encoding="utf-8")
