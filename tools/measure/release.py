"""Take up a new release: one line in data/claims/environments.toml, then this.

Usage: ``nox -s measure -- release``

Compiles requirements.txt for the newest declared Flask-Admin, measures what the
results lack or hold for another version, captures the outputs, and prints what turned
and which pages that touches. It ends with what a person has to decide, if anything.
"""

import subprocess
import sys
from dataclasses import asdict

from packaging.requirements import Requirement
from packaging.version import Version

from tools import claims, results
from tools.measure import compatibility
from tools.paths import DOCS, ROOT

PYTHON = [sys.executable, "-m"]


def step(title, *command):
    """Run a command and return whether it succeeded; its output is the person's."""
    print(f"\n== {title}", flush=True)
    return subprocess.run(command, cwd=ROOT).returncode == 0


def lock(release):
    """Pin the release in requirements.txt, and install that here."""
    pin = f"flask-admin=={release}"
    pins = (ROOT / "requirements.txt").read_text("utf-8")
    if f"\n{pin} " in f"\n{pins}":
        return
    compile_ = "uv pip compile -q --universal --generate-hashes --python-version 3.10"
    command = [*PYTHON, *compile_.split(), "requirements.in", "-o", "requirements.txt"]
    if not step(f"pin {pin}", *command, f"--upgrade-package={pin}"):
        sys.exit(f"release: {pin} cannot be resolved with the other requirements")
    pin_starter()
    install = [*PYTHON, "uv", "pip", "install", "-q", "--python", sys.executable]
    if not step("install it", *install, "-r", "requirements.txt"):
        sys.exit("release: requirements.txt cannot be installed")


def pin_starter():
    """Give the application to download the versions of requirements.txt."""
    path, pins = ROOT / "snippets/starter/requirements.txt", claims.pins()
    lines = path.read_text("utf-8").splitlines()
    for number, line in enumerate(lines):
        version = pins[Requirement(line).name][-1].specifier
        lines[number] = line.partition("==")[0] + str(version)
    path.write_text("\n".join(lines) + "\n", "utf-8")


def outdated(release):
    """The environments whose record is missing, or was made with another release."""
    known = {each.label: each for each in results.compatibility().environments}
    for name, wanted in claims.environments().items():
        record = known.get(name)
        varied = wanted.varies.keys() & {"flask-admin"}
        used = record and record.packages["Flask-Admin"]
        if record is None or (not varied and used and used != release):
            yield name


def changed_pages(paths):
    """The pages that show one of these files of snippets/."""
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text("utf-8")
        if any(path.removeprefix("snippets/") in text for path in paths):
            yield page.relative_to(ROOT).as_posix()


def changed_files():
    command = ["git", "diff", "--name-only", "--", "snippets", "docs", "README.md"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return done.stdout.split()


def main(arguments):
    if arguments:
        sys.exit(f"release: takes no arguments, not {' '.join(arguments)!r}")
    before = results.compatibility()
    old = [each for each in before.environments if each.release and not each.without]
    release = compatibility.newest()
    if Version(release) < Version(old[-1].release):
        sys.exit(f"release: {old[-1].release} is measured and newer than {release}")
    lock(release)
    decide = []
    wanted = list(outdated(release))
    if wanted and not step(
        f"measure {', '.join(wanted)}",
        *PYTHON,
        "tools.measure.compatibility",
        *wanted,
    ):
        decide.append("an environment could not be measured: see above")
    for title, *command in (
        ("capture the outputs", "pytest", "-q", "tests/test_outputs.py", "--regen-all"),
        ("write the README's table", "tools.publish.readme"),
        ("lock what runs in the page", "tools.publish.live.build", "--lock"),
    ):
        # A difference that was written is reported as a failure by pytest.
        step(title, *PYTHON, *command)
    new = {each.label: each for each in results.compatibility().environments}
    record = new[f"flask-admin=={release}"]
    print(f"\n== what turned between {old[-1].release} and {release}")
    parts = [
        {part: asdict(each)[part] for part in compatibility.COMPARED}
        for each in (old[-1], record)
    ]
    for each in parts:
        for run in each["recipes"].values():
            run.pop("passed")
    news = list(compatibility.turned(release, *parts))
    print("\n".join(news) or "nothing", flush=True)
    files = changed_files()
    pages = sorted(
        {*changed_pages(files), *(f for f in files if f.startswith("docs/"))}
    )
    print(f"\n== pages to read: {', '.join(pages) or 'none'}")
    decide += [
        f"recipes/{name} fails {run.failed[0]}: narrow `works` on its page, or fix it"
        for name, run in record.recipes.items()
        if run.failed
    ]
    decide += [
        f"upstream fault {name} is gone: move it on docs/upstream.md"
        for name, there in record.upstream.items()
        if not there
    ]
    if decide:
        sys.exit("release: to decide:\n" + "\n".join(f"- {each}" for each in decide))
    print("\nNext: nox -s docs, nox -s tests")


if __name__ == "__main__":
    main(sys.argv[1:])
