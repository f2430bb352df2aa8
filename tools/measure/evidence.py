"""What a recorded result was measured from: by content, never by a date."""

import hashlib

from tools.paths import ROOT

CONTRACT = ["approaches", "ask", "contract", "models", "overlap", "surface", "views"]
CONTRACT = [f"tools/measure/{name}.py" for name in CONTRACT]
APPROACHES, SERVERS = "snippets/workarounds/*.py", "tools/measure/reliability/*.py"
POSTGRES = "tools/measure/reliability/postgres.py"
# What each file of data/results that is measured in one go was measured with.
RESTS_ON = {
    "databases": [*CONTRACT, APPROACHES, SERVERS, "tools/measure/databases.py"],
    "performance": [*CONTRACT, APPROACHES, POSTGRES, "tools/measure/performance.py"],
    "rehearsal": [*CONTRACT, APPROACHES, "tools/measure/rehearsal.py"],
    "reliability": [*CONTRACT, APPROACHES, SERVERS, "tests/reliability/*.py"],
    "servers": [
        *(*CONTRACT, APPROACHES, "snippets/published/scoped_session.py"),
        *(f"tools/measure/reliability/{name}.py" for name in ("app", "load")),
        *(POSTGRES, "tools/measure/production/*.py", "tools/measure/servers.py"),
    ],
}


def of(name):
    """A hash of what a file of data/results rests on."""
    return content(*RESTS_ON[name])


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
