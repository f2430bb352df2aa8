"""Find words that read as translated, in the files of data/claims/words.toml."""

import re
import sys

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from tools.paths import CLAIMS, ROOT


def find(text, words):
    """Yield the line, the words that were found, and what to write instead."""
    for pattern, better in words.items():
        spaced = pattern.replace(" ", r"\s+")
        for found in re.finditer(rf"\b(?:{spaced})\b", text, re.IGNORECASE):
            line = text.count("\n", 0, found.start()) + 1
            yield line, " ".join(found[0].split()), better


def main():
    claims = tomllib.loads((CLAIMS / "words.toml").read_text("utf-8"))
    problems = [
        f"{name}:{line}: {found!r}: better: {better}"
        for name in claims["checked"]
        for line, found, better in find(
            (ROOT / name).read_text("utf-8"), claims["words"]
        )
    ]
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
