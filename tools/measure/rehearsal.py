"""Rehearse a release of Flask-Admin that does not exist yet, in a copy of the project.

Usage: ``nox -s check -- rehearsal same|changed|removed [--tests]``, and
``nox -s measure -- rehearsal``, which only puts the approaches to ``removed`` and
writes what they say to data/results/rehearsal.json.

``same`` is the installed Flask-Admin under the next patch version; ``changed`` counts
the rows of a list wrongly; ``removed`` is the next major version, without what its
deprecation warnings announce: a view takes ``db`` alone, in a parameter of that name.
The copy gets one line in data/claims/environments.toml, then one command; what that
prints is the result. With ``--tests`` the test suite of the copy runs too.
"""

import os
import re
import subprocess
import sys
import time
import zipfile
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.version import Version

from tools import claims, results
from tools.measure import compatibility, evidence
from tools.measure.removal import copy_project

CLAIMED = claims.approaches()
VIEW, COMPAT = "flask_admin/contrib/sqla/view.py", "flask_admin/contrib/sqla/_compat.py"
# What replaces what, by file: each has to occur, or the rehearsal rehearses nothing.
PATCHES = {
    "same": {},
    "changed": {
        VIEW: [('session.query(func.count("*"))', 'session.query(1 + func.count("*"))')]
    },
    "removed": {
        COMPAT: [
            (
                '    if not hasattr(session, "session"):\n',
                "    known = tuple(filter(None, (T_SQLALCHEMY, T_SQLALCHEMY_LITE)))\n"
                "    if session is not None and not isinstance(session, known):\n"
                '        raise TypeError("ModelView takes db, not a session")\n'
                '    if not hasattr(session, "session"):\n',
            )
        ],
        VIEW: [
            ("        session: T_SESSION_OR_DB,\n", "        db: T_SESSION_OR_DB,\n"),
            ("_warn_session_deprecation(session)", "_warn_session_deprecation(db)"),
        ],
    },
}


def next_version(kind):
    version = Version(metadata.version("Flask-Admin"))
    if kind == "removed":
        return f"{version.major + 1}.0.0"
    return f"{version.major}.{version.minor}.{version.micro + 1}"


def wheel(kind, folder):
    """Write the installed Flask-Admin as a wheel of another version.

    :raises SystemExit: when a patch does not apply to it any more.
    """
    distribution, version = metadata.distribution("Flask-Admin"), next_version(kind)
    patches = dict(PATCHES[kind])
    path = folder / f"flask_admin-{version}-py3-none-any.whl"
    info = f"flask_admin-{version}.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for file in distribution.files:
            name, data = file.as_posix(), file.locate().read_bytes()
            if name.startswith("..") or name.endswith((".pyc", "RECORD", "INSTALLER")):
                continue
            for old, new in patches.pop(name, ()):
                if data.count(old.encode()) < 1:
                    sys.exit(f"rehearsal: {name} has no {old.strip()!r} to change")
                data = data.replace(old.encode(), new.encode())
            if ".dist-info/" in name:
                name = f"{info}/{name.partition('.dist-info/')[2]}"
            if name.endswith("/METADATA"):
                data = re.sub(
                    rb"^Version: .*$", f"Version: {version}".encode(), data, flags=re.M
                )
            made.writestr(name, data)
        made.writestr(f"{info}/RECORD", "")
    return path, version


def record():
    """Put the approaches to the next major version, and write what they say."""
    with TemporaryDirectory() as folder:
        path, version = wheel("removed", Path(folder))
        varies = {"flask-admin": f"flask-admin @ {path.as_uri()}"}
        try:
            found = compatibility.run(claims.Wanted(varies=varies), [*CLAIMED], [])
        except RuntimeError as error:
            sys.exit(f"rehearsal: {version} cannot be run: {error}")
    failed = {
        name: {check: text.splitlines()[0] for check, text in cell.failed.items()}
        for name, cell in found.approaches.items()
    }
    about = {"content": evidence.of("rehearsal"), "version": version}
    about["of"] = metadata.version("Flask-Admin")
    results.write("rehearsal", about | {"failed": failed})
    print(f"{version}: {sum(not each for each in failed.values())} pass every check")


def main(arguments):
    if arguments == ["--record"]:
        record()
        return
    kinds = [word for word in arguments if word != "--tests"]
    if len(kinds) != 1 or kinds[0] not in PATCHES:
        sys.exit(f"rehearsal: give one of {', '.join(PATCHES)}, and --tests or nothing")
    with TemporaryDirectory() as folder:
        folder, start = Path(folder), time.monotonic()
        _, version = wheel(kinds[0], folder)
        copy = copy_project(folder / "guide")
        declared = copy / "data/claims/environments.toml"
        before, mark, after = declared.read_text("utf-8").partition("\n# The newest Fl")
        line = f'\n[[releases]]\nflask-admin = "{version}"\n'
        declared.write_text(before + line + mark + after, "utf-8")
        environment = os.environ | {"UV_FIND_LINKS": str(folder)}
        python = folder / "venv/bin/python"
        uv = [sys.executable, "-m", "uv"]

        def run(*command):
            print("\n$", *map(str, command[1:]), flush=True)
            return subprocess.run(command, cwd=copy, env=environment).returncode

        for command in (
            ["git", "init", "-q"],
            ["git", "add", "-A"],
            ["git", "-c", "user.name=-", "-c", "user.email=-", "commit", "-qm", "-"],
            [*uv, "venv", "-q", "--python", sys.executable, str(folder / "venv")],
            [*uv, "pip", "install", "-q", "--python", python, "-r", "requirements.txt"],
        ):
            subprocess.run(command, cwd=copy, env=environment, check=True)
        turned = run(python, "-m", "tools.measure.release")
        commands = [
            ["-m", "pytest", "-q", "snippets", "-n2"],
            ["-m", "pytest", "-q", "tests/test_outputs.py", "-n2"],
            ["-m", "sphinx", "-q", "-n", "-W", "-c", ".", "docs", "build/html"],
        ]
        if "--tests" in arguments:
            commands.append(["-m", "pytest", "-q", "-n2", "--dist", "loadgroup"])
        failed = [words[1] for words in commands if run(python, *words)]
        minutes = (time.monotonic() - start) / 60
        print(
            f"\nrehearsal {kinds[0]}, {version}: 1 line, 1 command, {minutes:.0f} min"
        )
        print("to decide" if turned else "nothing to decide", end="; ")
        print(f"fails afterwards: {', '.join(failed)}" if failed else "all else passes")
        if kinds[0] == "same" and (turned or failed):
            sys.exit("rehearsal: a release of identical code has to need no decision")


if __name__ == "__main__":
    main(sys.argv[1:])
