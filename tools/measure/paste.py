"""Run what the built pages print, as a reader copies it.

A whole program runs alone in an empty folder. The changes of a page go into the
applications under tests/readers/, at the places that their captions name. Both run in
an environment made from the install line of the page, isolated from this repository.

Usage: ``nox -s check -- paste [--latest] [PAGE ...]`` runs them on SQLite;
``nox -s measure -- paste [PAGE ...]`` runs the changes on PostgreSQL and MariaDB and
writes data/results/paste.json.
"""

import ast
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml
from bs4 import BeautifulSoup
from pyflakes import checker, messages

from tools import claims, results
from tools.measure import evidence
from tools.measure.reliability.databases import DATABASES
from tools.measure.reliability.postgres import NoServer
from tools.paths import DOCS, ROOT, SNIPPETS

READERS = ROOT / "tests/readers"
RUNNER = Path(__file__).with_name("paste_runner.py")
NEW_FILE = "In a new file "
EXAMPLE = re.compile(
    r"\.\. testcode::\n\n(.*?)\n\n\.\. testoutput::\n\n(.*?)(?=\n\S|\Z)", re.DOTALL
)
SPECS = claims.readers()
# What an application on a server has installed beside the line of a page.
DRIVERS = ("psycopg[binary]", "pymysql", "aiomysql")


class Unusable(Exception):
    """What is wrong with a page or an application, in one sentence."""


@dataclass
class Block:
    """Code as the copy button gives it, and what the page says of it."""

    text: str
    place: str = ""
    file: str = ""


@dataclass
class Page:
    name: str
    front: dict
    changes: list[Block] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    whole: str = ""
    module: str = ""

    @property
    def packages(self):
        return [*claims.blocks()["install"], *self.front.get("packages", [])]

    @property
    def file(self):
        return self.front.get("file", "app.py")


def front_matter(name):
    text = (DOCS / f"{name}.md").read_text("utf-8")
    return yaml.safe_load(text.split("---\n", 2)[1]) if text.startswith("---\n") else {}


def copied(block):
    """The text that the copy button of a block gives."""
    return block.get_text().strip() + "\n"


def read(site, name):
    """A page of the built site: its blocks in order.

    :raises Unusable: for a caption that names no place.
    """
    html = (site / f"{name}.html").read_text("utf-8")
    page = Page(name, front_matter(name))
    source = (DOCS / f"{name}.md").read_text("utf-8")
    page.module = "".join(re.findall(r"\{whole-program\} (\S+)", source))
    places = {
        text.replace("`", ""): key for key, text in claims.blocks()["places"].items()
    }
    for block in BeautifulSoup(html, "html.parser").select("article div.highlight"):
        if block.find_parent(class_="evidence") or block.find_parent(class_="fails"):
            continue
        text = copied(block)
        if block.find_parent("details", class_="program"):
            page.whole = text
            continue
        wrapper = block.find_parent(class_="literal-block-wrapper")
        if wrapper is None:
            continue
        caption = wrapper.select_one(".caption-text").get_text()
        if caption.startswith(NEW_FILE):
            page.files[caption.removeprefix(NEW_FILE)] = text
        elif caption in places:
            page.changes.append(Block(text, places[caption]))
        else:
            raise Unusable(f"{name}: the caption {caption!r} names no place")
    return page


def faults(page):
    """What pyflakes says of the blocks of a page, read from top to bottom."""
    yours = {*claims.blocks()["yours"], *page.front.get("yours", {})}
    before = ""
    for block in page.changes:
        text = f"{before}\n\n{block.text}"
        for found in checker.Checker(ast.parse(text)).messages:
            if isinstance(found, messages.UndefinedName):
                (name,) = found.message_args
                if name not in yours:
                    yield f"a block uses {name}, which the page does not define"
        before = text


def examples(module):
    """The doctest of a program, which asks for the point of its page."""
    source = (SNIPPETS / module).read_text("utf-8")
    text = ast.get_docstring(ast.parse(source)) or ""
    found = EXAMPLE.findall(text)
    return [
        [textwrap.dedent(code), textwrap.dedent(out).strip()] for code, out in found
    ]


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


def alone(page, folder):
    """A job for the whole program of a page, in an empty folder."""
    write(folder, page.files | {page.file: page.whole})
    name = Path(page.file).stem
    module = f"snippets.{page.module.removesuffix('.py').replace('/', '.')}"
    asked = [[code.replace(module, name), out] for code, out in examples(page.module)]
    run = page.front.get("run", "flask run")
    job = {"folder": str(folder), "module": name, "examples": asked}
    job["environment"] = page.front.get("environment", {})
    return job if run == "flask run" else job | {"command": shlex.split(run)}


def changed(page, reader, folder):
    """A job for an application with the changes of a page.

    :raises Unusable: for a place that the application does not have.
    """
    spec = SPECS[reader]
    shutil.copytree(READERS / reader, folder, dirs_exist_ok=True)
    write(folder, page.files)
    if page.name.startswith("workarounds/"):
        # Its own views are wired in the way that the page replaces.
        edit(folder, "own", "", spec, page)
    for block in page.changes:
        if block.place != "tests":
            edit(folder, block.place, block.text, spec, page)
    job = {"folder": str(folder), "module": "start", "reader": reader}
    return job | {
        "environment": page.front.get("environment", {}),
        "access": page.front.get("group") == "Access",
        "closed": page.front.get("closed", False),
    }


def edit(folder, place, text, spec, page):
    for old, new in spec.get("replace", {}).items():
        # ``db.session`` is not the beginning of ``db.sessionmaker``.
        end = r"\b" if old[-1].isalnum() else ""
        text = re.sub(re.escape(old) + end, new, text)
    for path in folder.rglob("*.py"):
        source = path.read_text("utf-8")
        mark = re.search(rf"^( *)# paste: {place}\n", source, re.MULTILINE)
        if not mark:
            continue
        added = textwrap.indent(text, mark[1])
        end = re.search(rf"^ *# end: {place}\n", source, re.MULTILINE)
        if end:
            # The first block replaces what is there, the others follow it.
            source = (
                source[: mark.start()]
                + added
                + f"{mark[1]}# paste: {place}\n"
                + source[end.end() :]
            )
        else:
            source = source[: mark.start()] + added + source[mark.start() :]
        path.write_text(source, "utf-8")
        return
    raise Unusable(f"{page.name}: {folder.name} has no place {place!r}")


@cache
def environment(packages, latest=False):
    """Make a virtual environment from an install line; return its python.

    :raises Unusable: when the line cannot be installed.
    """
    name = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:12]
    folder = ROOT / "build/paste" / f"{name}{'-latest' if latest else ''}"
    python = folder / "bin/python"
    folder.parent.mkdir(parents=True, exist_ok=True)
    constraints = folder.parent / "constraints.txt"
    # Without the hashes, which are those of another Python's files as well.
    pins = [str(pin) for each in claims.pins().values() for pin in each]
    constraints.write_text("\n".join(pins), "utf-8")
    limits = [] if latest else ["-c", str(constraints)]
    uv = [sys.executable, "-m", "uv"]
    commands = [
        [
            *uv,
            "venv",
            "-q",
            "--allow-existing",
            "--python",
            sys.executable,
            str(folder),
        ],
        [*uv, "pip", "install", "-q", "--python", str(python), *limits, *packages],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            last = (done.stderr.strip() or "no message").splitlines()[-1]
            raise Unusable(f"pip install {' '.join(packages)} failed: {last.strip()}")
    return python


def run(python, jobs, home):
    """Run jobs in one process of an environment; yield what each found wrong, or ''."""
    home.mkdir(exist_ok=True)
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(python), "-I", str(RUNNER)],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        env={"HOME": str(home), "PATH": path},
        cwd=home,
    )
    if done.returncode:
        raise Unusable(f"the runner ended: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def readers(page):
    """The applications that the changes of a page concern."""
    places = {block.place for block in page.changes}
    if not places - {"tests"}:
        return []
    # The wiring is changed where it is the recommended one.
    return ["factory"] if "db" in places else [*SPECS]


def judge(site, names, folder, latest=False):
    """Run pages that install the same packages.

    :return: for each page, of ``alone`` and each reader that it concerns, what is wrong
        with it, or ''.
    """
    found, jobs = {name: {} for name in names}, {}
    for name in names:
        page = read(site, name)
        if page.whole:
            place = folder / name / "alone"
            place.mkdir(parents=True)
            jobs[name, "alone"] = alone(page, place)
        if problems := list(faults(page)):
            found[name]["names"] = problems[0]
        jobs |= pasted(page, folder, found[name])
    return run_all(site, jobs, found, folder, latest=latest)


def judge_on(server, site, names, folder):
    """Run the changes of pages in the readers' applications on a database server.

    :return: for each page and each reader that it concerns, what is wrong, or ''.
    """
    found, jobs = {name: {} for name in names}, {}
    for name in names:
        jobs |= pasted(read(site, name), folder, found[name])
    with ExitStack() as opened:
        for job in jobs.values():
            url = opened.enter_context(server.database())
            job["environment"] = job["environment"] | {"DATABASE_URL": url}
        return run_all(site, jobs, found, folder, DRIVERS)


def pasted(page, folder, found):
    """The jobs of a page for the readers' applications; what has no place is found."""
    jobs = {}
    for reader in readers(page):
        try:
            jobs[page.name, reader] = changed(page, reader, folder / page.name / reader)
        except Unusable as error:
            found[reader] = str(error)
    return jobs


def run_all(site, jobs, found, folder, drivers=(), latest=False):
    if jobs:
        packages = read(site, next(iter(found))).packages
        python = environment((*packages, *drivers), latest)
        outcomes = run(python, [*jobs.values()], folder / "home")
        for (name, kind), wrong in zip(jobs, outcomes, strict=True):
            found[name][kind] = wrong
    return found


def groups(names):
    """Names of pages by the packages that they install."""
    found = {}
    for name in names:
        packages = front_matter(name).get("packages", [])
        found.setdefault(tuple(packages), []).append(name)
    return found


def pages():
    return sorted(
        path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")
    )


def content(page):
    """A hash of what a page says to paste, and of what it is pasted into."""
    blocks = [page.packages, page.changes, page.files, page.front.get("closed")]
    places = "tests/readers/**/*.py", "tests/readers/*.toml", "tools/measure/paste*.py"
    text = f"{blocks} {evidence.content(*places)}"
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def concerned(site, names):
    """The pages that say to change an application."""
    return [name for name in names if readers(read(site, name))]


def say(outcomes, where):
    for kind, wrong in outcomes.items():
        print(f"{where} · {kind}: {wrong or 'ok'}", flush=True)


def record(site, wanted):
    known = results.paste() if results.path("paste").exists() else {}
    wanted = concerned(site, wanted)
    for title, module in DATABASES.items():
        cells = known.setdefault(title, {})
        try:
            with module.running() as server:
                for names in groups(wanted).values():
                    with tempfile.TemporaryDirectory() as folder:
                        found = judge_on(server, site, names, Path(folder))
                    for name, wrong in found.items():
                        about = content(read(site, name))
                        cells[name] = {"content": about, "wrong": wrong}
                        say(wrong, f"{title} · {name}")
        except NoServer as error:
            sys.exit(f"paste: {error}")
        here = concerned(site, pages())
        known[title] = {name: cells[name] for name in here if name in cells}
    results.write("paste", known)


def main(arguments):
    options = {"--latest", "--record"} & {*arguments}
    site, *words = [word for word in arguments if word not in options]
    site, wanted = Path(site), words or pages()
    if unknown := {*wanted} - {*pages()}:
        sys.exit(f"paste: {min(unknown)!r} is no page")
    latest = "--latest" in options
    if "--record" in options:
        record(site, wanted)
        return
    bad = 0
    for names in groups(wanted).values():
        with tempfile.TemporaryDirectory() as folder:
            for name, outcomes in judge(site, names, Path(folder), latest).items():
                say(outcomes, name)
                bad += sum(map(bool, outcomes.values()))
    if bad:
        sys.exit(f"paste: {bad} faults")


if __name__ == "__main__":
    main(sys.argv[1:])
