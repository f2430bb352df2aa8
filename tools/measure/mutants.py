"""Change every program a little, one change at a time, and see its tests fail.

Usage: ``nox -s measure -- mutants [MODULE ...]``, such as ``recipes/tenants``. Without
one: the programs that changed, or whose tests did, since they were measured.
Every statement is removed. In ``GROUPS`` and ``ALSO`` every operator, constant and
argument is changed as well, by mutmut's rules. What no test notices is a survivor: it
has its reason in data/claims/mutants.toml, or the run fails.
"""

import ast
import importlib
import os
import queue
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from difflib import SequenceMatcher
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from libcst import parse_module
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation import mutators
from mutmut.mutation.mutators import mutation_operators

from tools import claims, paths, results
from tools.measure import evidence, removal
from tools.paths import ROOT

APPROACHES = claims.approaches()
# Where operators are changed too.
GROUPS = ("Data safety", "Access")
ALSO = ["read_only", "soft_delete"]
MORE = {n for n, about in claims.recipes() if about["group"] in GROUPS} | {*ALSO}
MORE = {f"recipes/{name}" for name in MORE}
# Whoever reads the page sees a text; an assignment of None is a statement removed.
LEFT_OUT = mutators.operator_string, mutators.operator_assignment
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
        # A test suite itself: planted holes show what it sees.
        if name != "attacks":
            yield f"recipes/{name}"


def content(target):
    """A hash of a program and its tests: what its evidence was measured from."""
    paths = [path for path in tests_of(target) if path.endswith(".py")]
    return evidence.content(*paths)


def shown(source):
    """The numbers of the lines that a reader pastes.

    Those of its regions; where it has none, all but the set-up, which is
    ``workarounds/proxy_sqlalchemy``.
    """
    inside, found = False, set()
    for number, line in enumerate(source.splitlines(), 1):
        if mark := re.match(r" *# (end)?region ", line):
            inside = not mark[1]
        elif inside:
            found.add(number)
    if not found:
        found = {*range(1, len(source.splitlines()) + 1)}
        for node in ast.parse(source).body:
            if getattr(node, "name", "") in ("LazySession", "ProxySQLAlchemy"):
                found -= {*range(node.lineno, node.end_lineno + 1)}
    return found


def statements(source):
    """Each statement with the program that lacks it, without docstrings."""
    pasted = shown(source)
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.stmt) or node.lineno not in pasted:
            continue
        if isinstance(node, ast.Pass | ast.Import | ast.ImportFrom):
            continue
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        decorators = getattr(node, "decorator_list", [])
        first = min(each.lineno for each in [node, *decorators])
        lines = source.splitlines()
        text = lines[node.lineno - 1].strip()
        indent = re.match(" *", lines[first - 1])[0]
        lines[first - 1 : node.end_lineno] = [f"{indent}pass"]
        yield text, "\n".join(lines) + "\n"


def operators(source):
    """Each change of an operator, a constant or an argument, with that program."""
    pasted, wrapper = shown(source), MetadataWrapper(parse_module(source))
    for node, place in wrapper.resolve(PositionProvider).items():
        if place.start.line not in pasted:
            continue
        for kind, change in mutation_operators:
            if not isinstance(node, kind) or change in LEFT_OUT:
                continue
            for new in change(node):
                changed = wrapper.module.deep_replace(node, new).code
                yield difference(source, changed), changed


def difference(source, changed):
    """The lines that a change replaces, and what it replaces them with."""
    before, after = source.splitlines(), changed.splitlines()
    old, new = [], []
    for tag, *ends in SequenceMatcher(None, before, after, False).get_opcodes():
        if tag != "equal":
            old += map(str.strip, before[ends[0] : ends[1]])
            new += map(str.strip, after[ends[2] : ends[3]])
    return f"{' '.join(old)} → {' '.join(new)}"


def tests_of(target):
    folder, name = target.split("/")
    command = [f"tests/{folder}/test_{name}.py", f"snippets/{target}.py"]
    if folder == "workarounds":
        module = f"snippets.{target.replace('/', '.')}:"
        names = [n for n, a in APPROACHES.items() if a["wiring"].startswith(module)]
        command += ["tests/test_contract.py", *[f"--approach={n}" for n in names]]
    return [path for path in command if path[0] == "-" or (ROOT / path).exists()]


def survives(copy, target, changed=None):
    """Whether the tests of a program pass when its text is changed.

    They run in a fork of this process, which has imported what takes long.
    """
    path = copy / f"snippets/{target}.py"
    source = path.read_text("utf-8")
    try:
        path.write_text(changed or source, "utf-8")
        process = get_context("fork").Process(target=attempt, args=(copy, target))
        process.start()
        process.join(SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        return process.exitcode == 0
    finally:
        path.write_text(source, "utf-8")


def unless_gone(without):
    """A test that removes a line itself says nothing once the mutant has removed it."""

    def wrapped(*arguments):
        try:
            return without(*arguments)
        except ValueError:
            pytest.skip("the line is gone")

    return wrapped


def attempt(copy, target):
    """Run the tests of a copy and end the process with what they gave."""
    os.chdir(copy)
    sys.path.insert(0, str(copy))
    # A test that starts a program of its own starts the one of the copy.
    for name, path in vars(paths).items():
        if isinstance(path, Path):
            setattr(paths, name, copy / path.relative_to(ROOT))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.dont_write_bytecode = True
    removal.without = unless_gone(removal.without)
    options = ["-q", "-x", "-p", "no:cacheprovider", "--rootdir", str(copy)]
    os._exit(pytest.main([*options, *tests_of(target)]))


def wanted(target):
    """What is done to a program: to some, more than to remove its statements."""
    found = {"statements": statements}
    if target in MORE:
        found["operators"] = operators
    return found


def main(arguments):
    known = list(targets())
    unknown = [name for name in arguments if name not in known]
    if unknown:
        sys.exit(f"mutants: {unknown[0]!r} is none of {', '.join(known)}")
    exists = results.path("mutants").exists()
    fates_of = results.mutants() if exists else {}
    fates_of = {name: fates for name, fates in fates_of.items() if name in known}
    # What the copies hold, whatever is written here while they are measured.
    now = {target: content(target) for target in known}
    # Imported before the first fork, so that no mutant waits for it.
    for name in "flask_admin.contrib.sqla", "flask_sqlalchemy_lite":
        importlib.import_module(name)

    workers = os.cpu_count()
    copies = queue.SimpleQueue()
    with TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        for number in range(workers):
            copies.put(removal.copy_project(Path(folder, str(number))))

        def fate(mutant):
            copy = copies.get()
            try:
                return survives(copy, *mutant)
            finally:
                copies.put(copy)

        for target in arguments or known:
            fates = fates_of.get(target, {})
            if target in arguments or fates.get("content") != now[target]:
                fates = {"content": now[target]}
            kinds = {k: f for k, f in wanted(target).items() if k not in fates}
            if kinds and not fate((target,)):
                sys.exit(f"mutants: the tests of {target} fail as it is")
            source = (ROOT / f"snippets/{target}.py").read_text("utf-8")
            for kind, find in kinds.items():
                found = list(find(source))
                lives = pool.map(fate, [(target, changed) for _, changed in found])
                lived = [t for (t, _), lives in zip(found, lives, strict=True) if lives]
                print(f"{target}, {kind}: {len(lived)} of {len(found)} survived")
                fates[kind] = {"mutants": len(found), "survived": sorted({*lived})}
            fates_of[target] = fates
            sys.stdout.flush()
            results.write("mutants", dict(sorted(fates_of.items())))
    if unexplained := [
        f"{target}: {text}"
        for target, fates in fates_of.items()
        for kind in fates.keys() - {"content"}
        for text in fates[kind]["survived"]
        if not claims.reason(target, text)
    ]:
        sys.exit("mutants: survivors without a reason:\n" + "\n".join(unexplained))


if __name__ == "__main__":
    main(sys.argv[1:])
