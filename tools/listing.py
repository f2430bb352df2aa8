"""What of a module a page prints: the text that a reader copies."""

import ast
import re
import sys
from functools import lru_cache
from importlib import metadata
from textwrap import dedent

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pyflakes import checker, messages

MARKER = re.compile(r"^[ \t]*# (?:end)?region \S+\n", re.MULTILINE)


def program(source):
    """A whole module without its docstring and the marks of its regions."""
    tree = ast.parse(source)
    if ast.get_docstring(tree, clean=False) is not None:
        lines = source.splitlines(keepends=True)
        source = "".join(lines[tree.body[0].end_lineno :])
    source = MARKER.sub("", source)
    # Two blank lines part definitions, and the marks stood between blank lines.
    return re.sub(r"\n{4,}", "\n\n\n", source).strip() + "\n"


def with_imports(text, source):
    """A block of a module after the lines that import what the block uses.

    :param text: Python, indented or not.
    :param source: the module that it is a part of.
    :raises SyntaxError: when the block is no statement by itself.
    """
    used = ast.parse(dedent(text))
    names = {node.id for node in ast.walk(used) if isinstance(node, ast.Name)}
    bound = {name for node in ast.walk(used) for name in imported(node)}
    rows, lines, last = source.splitlines(), [], None
    for node in ast.parse(source).body:
        if not imported(node):
            continue
        # What belongs to this guide is shown elsewhere, and nobody can import it.
        if getattr(node, "module", "").startswith(("snippets", "__future__")):
            continue
        node.names = [
            alias
            for alias in node.names
            if (alias.asname or alias.name).partition(".")[0] in names - bound
        ]
        if node.names:
            # A blank line parts Python's own modules from the others, as in the file.
            if last and "" in rows[last : node.lineno - 1]:
                lines.append("")
            lines.append(import_line(node))
            last = node.end_lineno
    if not lines:
        return text
    top = isinstance(
        used.body[0], ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    )
    return "\n".join([*lines, *[""] * (2 if top else 1), dedent(text)])


def free(source):
    """The names that a text uses and neither defines nor imports before."""
    found = checker.Checker(ast.parse(source)).messages
    return {
        each.message_args[0]
        for each in found
        if isinstance(each, messages.UndefinedName)
    }


def unmet(source, requirements):
    """The packages that a program imports and that an install line does not bring.

    :param requirements: the names on the line; what they require comes with them.
    """
    brought, providers = closure(tuple(requirements)), packages()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            names = [node.module] if isinstance(node, ast.ImportFrom) else []
        for name in (name.partition(".")[0] for name in names):
            if name in sys.stdlib_module_names or name == "snippets":
                continue
            found = {canonicalize_name(each) for each in providers.get(name, [name])}
            if not found & brought:
                yield min(found)


packages = lru_cache(metadata.packages_distributions)


@lru_cache
def closure(requirements):
    """Packages by name with what they require, as far as it is installed here."""
    found, todo = set(), [Requirement(each) for each in requirements]
    while todo:
        wanted = todo.pop()
        for extra in ("", *wanted.extras):
            name = canonicalize_name(wanted.name)
            if (name, extra) in found:
                continue
            found.add((name, extra))
            try:
                lines = metadata.requires(name) or []
            except metadata.PackageNotFoundError:
                continue
            for each in map(Requirement, lines):
                if each.marker is None or each.marker.evaluate({"extra": extra}):
                    todo.append(each)
    return {name for name, extra in found}


def imported(node):
    """The names that a statement imports."""
    if not isinstance(node, ast.Import | ast.ImportFrom):
        return []
    return [(alias.asname or alias.name).partition(".")[0] for alias in node.names]


def import_line(node, width=80):
    line = ast.unparse(node)
    if len(line) <= width:
        return line
    head, _, names = line.partition(" import ")
    names = "".join(f"    {name.strip()},\n" for name in names.split(","))
    return f"{head} import (\n{names})"
