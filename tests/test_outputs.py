"""What the pages show as output is what the commands print today.

``nox -s measure -- outputs`` writes the files anew; a difference fails and is shown.
"""

from importlib import metadata

import pytest

from tools import results, verdicts
from tools.measure.outputs import capture
from tools.paths import SNIPPETS

FILES = sorted([*SNIPPETS.rglob("*.console"), *SNIPPETS.rglob("*.csv")])
CAPTURED_WITH = verdicts.newest(results.compatibility()).packages


@pytest.mark.parametrize(
    "path", FILES, ids=lambda path: path.relative_to(SNIPPETS).as_posix()
)
def test_output(path, tmp_path, file_regression):
    for name, version in CAPTURED_WITH.items():
        here = metadata.version(name)
        if here != version:
            pytest.fail(
                f"captured with {name} {version}, and {here} is installed: run "
                "nox -s measure -- release after a new release, or install "
                "requirements.txt"
            )
    text = capture(path, tmp_path)
    file_regression.check(text, fullpath=path, encoding="utf-8")
