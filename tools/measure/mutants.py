"""Take every statement out of a snippet, one at a time, and see its tests fail.

Usage: ``nox -s measure -- mutants [MODULE ...]``, such as ``recipes/tenants``. Without
one: the approaches that work, and the recipes of the groups Data safety and Access.
A statement that can go and no test says so is a survivor: it has its reason in
data/claims/mutants.toml, or the run fails. The totals go to data/results/mutants.json.
"""

import ast
import os
import queue
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

from tools import claims, results
from tools.measure.removal import copy_project
from tools.paths import ROOT

APPROACHES = claims.approaches()
REASONS = claims.read("mutants")
GROUPS = ("Data safety", "Access")
PYTEST = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]


def targets():
    """The snippets that are mutated, as ``workarounds/name`` or ``recipes/name``."""
    works = {a["wiring"].split(":")[0] for a in APPROACHES.values() if "works" in a}
    for module in sorted(works):
        yield module.removeprefix("snippets.").replace(".", "/")
    for name, about in claims.recipes():
        if about["group"] in GROUPS:
            yield f"recipes/{name}"


def statements(source):
    """The statements inside of the regions of a snippet, without docstrings."""
    lines, inside, shown = source.splitlines(), False, set()
    for number, line in enumerate(lines, 1):
        if re.match(r"# (end)?region ", line):
            inside = line.startswith("# region")
        elif inside:
            shown.add(number)
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
    """Whether the tests of a snippet pass without the lines from first to last."""
    path = copy / f"snippets/{target}.py"
    source = path.read_text("utf-8")
    lines = source.splitlines()
    if first:
        indent = re.match(" *", lines[first - 1])[0]
        lines[first - 1 : last] = [f"{indent}pass"]
    try:
        path.write_text("\n".join(lines) + "\n", "utf-8")
        command = [*PYTEST, *tests_of(target)]
        environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=300
        )
        return done.returncode == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        path.write_text(source, "utf-8")


def main(arguments):
    known = list(targets())
    unknown = [name for name in arguments if name not in known]
    if unknown:
        sys.exit(f"mutants: {unknown[0]!r} is none of {', '.join(known)}")
    chosen = arguments or known
    kept = arguments and results.path("mutants").exists()
    fates_of = results.mutants() if kept else {}
    unexplained = []
    workers = os.cpu_count()
    copies = queue.SimpleQueue()
    with TemporaryDirectory() as folder, ThreadPoolExecutor(workers) as pool:
        for number in range(workers):
            copies.put(copy_project(Path(folder, str(number))))

        def attempt(mutant):
            copy = copies.get()
            try:
                return survives(copy, *mutant)
            finally:
                copies.put(copy)

        for target in chosen:
            if not attempt((target,)):
                sys.exit(f"mutants: the tests of {target} fail as it is")
            source = (ROOT / f"snippets/{target}.py").read_text("utf-8")
            found = list(statements(source))
            fates = pool.map(attempt, [(target, a, b) for a, b, _ in found])
            lived = [
                text for (*_, text), fate in zip(found, fates, strict=True) if fate
            ]
            reasons = REASONS.get(target, {})
            unexplained += [f"{target}: {t}" for t in lived if t not in reasons]
            survived = {text: reasons.get(text, "") for text in sorted(lived)}
            fates_of[target] = {"mutants": len(found), "survived": survived}
            print(
                f"{target}: {len(found) - len(lived)} of {len(found)} killed",
                flush=True,
            )
    results.write("mutants", dict(sorted(fates_of.items())))
    total = sum(fates_of[name]["mutants"] for name in chosen)
    lived = sum(len(fates_of[name]["survived"]) for name in chosen)
    print(f"{total - lived} of {total} killed, {lived} survived")
    if unexplained:
        sys.exit("mutants: survivors without a reason:\n" + "\n".join(unexplained))


if __name__ == "__main__":
    main(sys.argv[1:])
