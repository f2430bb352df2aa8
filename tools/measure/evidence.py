"""What a recorded result was measured from: by content, never by a date."""

import hashlib

from tools.paths import ROOT


def content(*patterns):
    """A hash of files, by their place and what they hold.

    :param patterns: paths from the root, as ``Path.glob`` takes them.
    :raises LookupError: for one that names no file.
    """
    found = hashlib.sha256()
    for pattern in sorted(patterns):
        paths = sorted(ROOT.glob(pattern))
        if not paths:
            raise LookupError(f"no file {pattern}: evidence would rest on nothing")
        for path in paths:
            found.update(path.relative_to(ROOT).as_posix().encode())
            found.update(path.read_bytes())
    return found.hexdigest()[:12]
