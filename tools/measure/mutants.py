"""Remove every statement of a program, one at a time, and see its tests fail.

Usage: ``nox -s measure -- mutants [MODULE ...]``, such as ``recipes/tenants``. Without
one: the programs that changed, or whose tests did, since they were measured.
A statement that can go and no test says so is a survivor: it has its reason in
data/claims/mutants.toml, or the run fails. The totals go to data/results/mutants.json.
"""

import ast
import importlib
import os
import queue
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tools import claims, results
from tools.measure import evidence
from tools.measure.removal import copy_project
from tools.paths import ROOT

APPROACHES = claims.approaches()
REASONS = claims.read("mutants")
# A mutant that hangs is killed; the slowest tests take a tenth of this.
SECONDS = 300


def targets():
    """The programs that are mutated, as ``workarounds/name`` or ``recipes/name``."""
    works = {a["wiring"].split(":")[0] for a in APPROACHES.values() if "works" in a}
    for module in sorted(works):
        # What was found on the web is not there to be pasted.
        if module.startswith("snippets.workarounds."):
            yield module.removeprefix("snippets.").replace(".", "/")
    for name, _ in claims.recipes():
        yield f"recipes/{name}"


def content(target):
    """A hash of a program and its tests: what its evidence was measured from."""
    paths = [path for path in tests_of(target) if path.endswith(".py")]
    return evidence.content(*paths)


def statements(source):
    """The statements of a program that a reader pastes, without docstrings.

    Those of its regions; where it has none, all but the set-up, which is
    ``workarounds/proxy_sqlalchemy``.
    """
    lines, inside, shown = source.splitlines(), False, set()
    for number, line in enumerate(lines, 1):
        if mark := re.match(r" *# (end)?region ", line):
            inside = not mark[1]
        elif inside:
            shown.add(number)
    if not shown:
        shown = {*range(1, len(lines) + 1)}
        for node in ast.parse(source).body:
            if getattr(node, "name", "") in ("LazySession", "ProxySQLAlchemy"):
                shown -= {*range(node.lineno, node.end_lineno + 1)}
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.stmt) or node.lineno not in shown:
            continue
        if isinstance(node, ast.Pass | ast.Import | ast.ImportFrom):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        decorators = getattr(node, "decorator_list", [])
        first = min(each.lineno for each in [node, *decorators])
        yield first, node.end_lineno, lines[node.lineno - 1].strip()


def tests_of(target):
    folder, name = target.split("/")
    command = [f"tests/{folder}/test_{name}.py", f"snippets/{target}.py"]
    if folder == "workarounds":
        module = f"snippets.{target.replace('/', '.')}:"
        names = [n for n, a in APPROACHES.items() if a["wiring"].startswith(module)]
        command += ["tests/test_contract.py", *[f"--approach={n}" for n in names]]
    return [path for path in command if path[0] == "-" or (ROOT / path).exists()]


def survives(copy, target, first=0, last=0):
    """Whether the tests of a program pass without the lines from first to last.

    They run in a fork of this process, which has imported what takes long.
    """
    path = copy / f"snippets/{target}.py"
    source = path.read_text("utf-8")
    lines = source.splitlines()
    if first:
        indent = re.match(" *", lines[first - 1])[0]
        lines[first - 1 : last] = [f"{indent}pass"]
    try:
        path.write_text("\n".join(lines) + "\n", "utf-8")
        process = get_context("fork").Process(target=attempt, args=(copy, target))
        process.start()
        process.join(SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        return process.exitcode == 0
    finally:
        path.write_text(source, "utf-8")


def attempt(copy, target):
    """Run the tests of a copy and end the process with what they gave."""
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.dont_write_bytecode = True
    options = ["-q", "-x", "-p", "no:cacheprovider", "--rootdir", str(copy)]
    os._exit(pytest.main([*options, *tests_of(target)]))


def main(arguments):
    known = list(targets())
    unknown = [name for name in arguments if name not in known]
    if unknown:
        sys.exit(f"mutants: {unknown[0]!r} is none of {', '.join(known)}")
    exists = results.path("mutants").exists()
    fates_of = results.mutants() if exists else {}
    fates_of = {name: fates for name, fates in fates_of.items() if name in known}
    stale = [n for n in known if fates_of.get(n, {}).get("content") != content(n)]
    chosen = arguments or stale
    # Imported before the first fork, so that no mutant waits for it.
    for name in "flask_admin.contrib.sqla", "flask_sqlalchemy_lite":
        importlib.import_module(name)

    unexplained = []
    workers = os.cpu_count()
    copies = queue.SimpleQueue()
    with TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        for number in range(workers):
            copies.put(copy_project(Path(folder, str(number))))

        def fate(mutant):
            copy = copies.get()
            try:
                return survives(copy, *mutant)
            finally:
                copies.put(copy)

        for target in chosen:
            if not fate((target,)):
                sys.exit(f"mutants: the tests of {target} fail as it is")
            source = (ROOT / f"snippets/{target}.py").read_text("utf-8")
            found = list(statements(source))
            fates = pool.map(fate, [(target, a, b) for a, b, _ in found])
            lived = [
                text for (*_, text), lives in zip(found, fates, strict=True) if lives
            ]
            reasons = REASONS.get(target, {})
            unexplained += [f"{target}: {t}" for t in lived if t not in reasons]
            survived = {text: reasons.get(text, "") for text in sorted(lived)}
            fates_of[target] = {"mutants": len(found), "survived": survived}
            fates_of[target]["content"] = content(target)
            results.write("mutants", dict(sorted(fates_of.items())))
            print(
                f"{target}: {len(found) - len(lived)} of {len(found)} killed",
                flush=True,
            )
    total = sum(fates_of[name]["mutants"] for name in chosen)
    lived = sum(len(fates_of[name]["survived"]) for name in chosen)
    print(f"{total - lived} of {total} killed, {lived} survived")
    if unexplained:
        sys.exit("mutants: survivors without a reason:\n" + "\n".join(unexplained))


if __name__ == "__main__":
    main(sys.argv[1:])
