"""What people claim: data/claims/*.toml, and the front matter of the recipes."""

import ast
import re
import sys
from dataclasses import dataclass, field
from functools import lru_cache

from tools.paths import CLAIMS, DOCS, ROOT
from tools.results import FULL, LITE, Setting

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

GROUPS = ["Set-up", "Views", "Data safety", "Access", "Testing and operation"]
# The other pages of that folder are about all of them.
RECIPES = sorted(
    {*(DOCS / "recipes").glob("*.md")}
    - {DOCS / "recipes/index.md", DOCS / "recipes/pairs.md"}
)


@dataclass(frozen=True, kw_only=True)
class Wanted(Setting):
    """An environment to be measured."""

    pins: dict[str, str] = field(default_factory=dict)
    drops: list[str] = field(default_factory=list)
    recipes: bool = False


def read(name):
    return tomllib.loads((CLAIMS / f"{name}.toml").read_text("utf-8"))


@lru_cache
def blocks():
    """What a block can say of itself: its place, the reader's names, the packages."""
    return read("blocks")


@lru_cache
def readers():
    """The applications under tests/readers/ that pages are pasted into."""
    path = ROOT / "tests/readers/readers.toml"
    return tomllib.loads(path.read_text("utf-8"))


def pins():
    """The lines of requirements.txt by package: one, or one for each marker."""
    # Most readers of claims have no use for it.
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found = {}
    for line in (ROOT / "requirements.txt").read_text("utf-8").splitlines():
        line = line.removesuffix("\\").strip()
        if line and not line.startswith(("#", "--")):
            pin = Requirement(line)
            found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


@lru_cache
def mutants():
    """Why mutants stay that no test notices: by program, and everywhere."""
    return read("mutants")


def reason(program, mutant):
    """Why no test notices a mutant, here or in every program; or nothing."""
    reasons = mutants()
    if mutant in reasons.get(program, {}):
        return reasons[program][mutant]
    everywhere = reasons["everywhere"].items()
    return next((why for each, why in everywhere if re.search(each, mutant)), "")


def approaches():
    return read("approaches")


def environments():
    """What is measured, by label."""
    data = read("environments")
    found = [Wanted(**each) for each in data["environments"]]
    for release in data["releases"]:
        varies = {"flask-admin": release.pop("flask-admin")}
        found.append(Wanted(varies=varies, recipes=True, **release))
        found += [Wanted(varies=varies, without=[n], **release) for n in (FULL, LITE)]
    return {each.label: each for each in sorted(found, key=lambda each: each.order)}


def recipes():
    """The module name of each recipe, with the front matter of its page."""
    # The environments that are measured need not have it.
    import yaml

    for page in RECIPES:
        _, front, body = page.read_text("utf-8").split("---\n", 2)
        title = re.search(r"^# (.+)$", body, re.MULTILINE)[1]
        about = {"page": page.stem, "title": title}
        yield page.stem.replace("-", "_"), yaml.safe_load(front) | about


def pairs():
    """The combinations of recipes that are tested, by ``one_with_other``."""
    return {
        "_with_".join(each["recipes"]).replace("-", "_"): each
        for each in read("pairs")["pairs"]
    }


@lru_cache
def code_lines(reference):
    """Count the lines of ``module:object`` without blanks, comments and docstrings."""
    module, name = reference.split(":")
    path = ROOT / f"{module.replace('.', '/')}.py"
    tree = ast.parse(path.read_text("utf-8"))
    (found,) = [node for node in tree.body if getattr(node, "name", None) == name]
    for node in ast.walk(found):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node):
            node.body = node.body[1:]
    return sum(bool(line) for line in ast.unparse(found).splitlines())


def lines():
    """How many lines of code each approach adds to an application."""
    return {
        name: sum(map(code_lines, about.get("paste", [])))
        for name, about in approaches().items()
    }
