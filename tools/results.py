"""What was measured: data/results/*.json, typed. No other module knows the format.

A message is stored once, under a hash of its text: a difference between two versions
of the file then shows the cells that turned, and none that were only renumbered.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TypedDict

from packaging.version import Version

from tools.paths import RESULTS, SCHEMAS

LITE, FULL = "flask-sqlalchemy-lite", "flask-sqlalchemy"
RESOLUTIONS = ["", "lowest", "highest"]
NAMES = ["compatibility", "performance", "reliability", "mutants", "resolutions"]
NAMES += ["databases", "paste", "rehearsal", "servers"]
WIDTH = 100


@dataclass(frozen=True)
class Check:
    group: str
    text: str


@dataclass(frozen=True)
class Approach:
    title: str
    page: str
    library: str = LITE


@dataclass(frozen=True)
class Cell:
    """One approach in one environment; what has not failed has passed."""

    failed: dict[str, str] = field(default_factory=dict)
    deprecated: str | None = None
    context: bool = False


@dataclass(frozen=True)
class Run:
    """The tests of one recipe."""

    passed: int
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What an environment changes in requirements.txt, by which it is known."""

    varies: dict[str, str] = field(default_factory=dict)
    without: list[str] = field(default_factory=list)
    resolve: str = ""

    @property
    def release(self):
        """The release of Flask-Admin, where that is what varies."""
        return self.varies["flask-admin"] if [*self.varies] == ["flask-admin"] else None

    @property
    def label(self):
        """What the command line and the tables call it."""
        alone = {(FULL,): ", Lite alone", (LITE,): ", Flask-SQLAlchemy alone"}
        changed = ", ".join(f"{name}=={v}" for name, v in self.varies.items())
        return self.resolve or changed + alone.get(tuple(self.without), "")

    @property
    def order(self):
        name, version = next(iter(self.varies.items()), ("", "0"))
        kind = RESOLUTIONS.index(self.resolve), name != "flask-admin", name == "python"
        return *kind, name, self.without, Version(version)


@dataclass(frozen=True, kw_only=True)
class Environment(Setting):
    python: str
    packages: dict[str, str | None]
    approaches: dict[str, Cell] = field(default_factory=dict)
    findings: dict[str, bool] = field(default_factory=dict)
    recipes: dict[str, Run] = field(default_factory=dict)
    snippets: dict[str, bool] = field(default_factory=dict)
    upstream: dict[str, bool] = field(default_factory=dict)
    commits: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Compatibility:
    checks: dict[str, Check]
    approaches: dict[str, Approach]
    environments: list[Environment]
    date: str = ""
    content: dict[str, str] = field(default_factory=dict)

    @property
    def messages(self):
        """Everything that an approach said, each text once."""
        cells = [cell for e in self.environments for cell in e.approaches.values()]
        said = [text for c in cells for text in [*c.failed.values(), c.deprecated]]
        return [*dict.fromkeys(filter(None, said))]


class Performance(TypedDict):
    content: str
    rounds: int
    python: str
    packages: dict[str, str | None]
    queries: dict[str, dict[str, int]]
    ratios: dict[str, dict[str, dict[str, dict[str, tuple[float, float, float]]]]]


class Reliability(TypedDict):
    content: str
    packages: dict[str, str | None]
    postgres: dict[str, dict]
    recipes: dict[str, dict]
    load: dict[str, dict[str, dict[str, int]]]
    memory: dict[str, int]
    faults: dict[str, dict[str, dict]]
    input: dict[str, dict[str, int]]
    known: dict[str, str]


class Databases(TypedDict):
    content: str
    python: str
    packages: dict[str, str | None]
    failed: dict[str, dict[str, dict[str, dict[str, str]]]]
    recipes: dict[str, dict[str, dict]]


class Paste(TypedDict):
    content: str
    wrong: dict[str, str]


class Servers(TypedDict):
    content: str
    python: str
    packages: dict[str, str | None]
    keep_alive: str
    releases: dict[str, dict[str, dict[str, dict]]]


class Rehearsal(TypedDict):
    content: str
    version: str
    of: str
    failed: dict[str, dict[str, str]]


class Attempt(TypedDict):
    packages: dict[str, str]
    says: dict[str, str]


class Cure(Attempt):
    add: list[str]


class Install(Attempt, total=False):
    requirements: list[str]
    cure: Cure


class Resolutions(TypedDict):
    date: str
    python: str
    installs: list[Install]


class Fates(TypedDict):
    mutants: int
    survived: list[str]


class Mutants(TypedDict, total=False):
    content: str
    statements: Fates
    operators: Fates


def compatibility():
    return parse(read("compatibility"))


def performance() -> Performance:
    return read("performance")


def reliability() -> Reliability:
    return read("reliability")


def resolutions() -> Resolutions:
    return read("resolutions")


def databases() -> Databases:
    return read("databases")


def paste() -> dict[str, dict[str, Paste]]:
    return read("paste")


def servers() -> Servers:
    return read("servers")


def rehearsal() -> Rehearsal:
    return read("rehearsal")


def mutants() -> dict[str, Mutants]:
    return read("mutants")


def path(name):
    return RESULTS / f"{name}.json"


def read(name):
    try:
        return json.loads(path(name).read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"data/results/{name}.json is not JSON: {error}") from None


def validate(name):
    """Hold a file against its schema.

    :raises ValueError: with one sentence that names the file and the place in it.
    """
    # The environments that are measured do not have it.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match

    schema = json.loads((SCHEMAS / f"{name}.json").read_text("utf-8"))
    found = read(name)
    error = best_match(Draft202012Validator(schema).iter_errors(found))
    if error:
        place = f"data/results/{name}.json, at {error.json_path}"
        raise ValueError(f"{place}: {error.message}")
    if name == "compatibility":
        parse(found)


def parse(data):
    """Compatibility, of what its file holds, in the order of the versions."""
    messages = {None: None} | data["messages"]
    environments = []
    for number, each in enumerate(data["environments"]):
        try:
            cells = {
                name: Cell(
                    {c: messages[key] for c, key in cell.get("failed", {}).items()},
                    messages[cell.get("deprecated")],
                    cell.get("context", False),
                )
                for name, cell in each["approaches"].items()
            }
        except KeyError as error:
            place = f"data/results/compatibility.json, at $.environments[{number}]"
            raise ValueError(f"{place}: there is no message {error}") from None
        runs = {
            name: Run(found) if isinstance(found, int) else Run(**found)
            for name, found in each.get("recipes", {}).items()
        }
        snippets = {
            name: fate == "passed"
            for fate, names in each["snippets"].items()
            for name in names
        }
        parts = {"approaches": cells, "recipes": runs, "snippets": snippets}
        environments.append(Environment(**each | parts))
    return Compatibility(
        {c["name"]: Check(c["group"], c["text"]) for c in data["checks"]},
        {name: Approach(**about) for name, about in data["approaches"].items()},
        sorted(environments, key=lambda environment: environment.order),
        data.get("date", ""),
        data.get("content", {}),
    )


def write_compatibility(results):
    keys = {text: key_of(text) for text in results.messages}
    environments = []
    for each in sorted(results.environments, key=lambda each: each.order):
        cells = {
            name: filled(
                failed={check: keys[text] for check, text in cell.failed.items()},
                deprecated=keys.get(cell.deprecated),
                context=cell.context,
            )
            for name, cell in each.approaches.items()
        }
        parts = {
            "approaches": cells,
            "recipes": {
                name: asdict(run) if run.failed else run.passed
                for name, run in each.recipes.items()
            },
            "snippets": {
                fate: [name for name, ok in each.snippets.items() if ok == passed]
                for fate, passed in (("passed", True), ("failed", False))
            },
        }
        known = {"varies": each.varies, "without": each.without}
        environments.append(known | filled(**vars(each) | parts))
    data = {
        "date": results.date,
        "content": results.content,
        "checks": [{"name": n, **asdict(check)} for n, check in results.checks.items()],
        "approaches": {name: asdict(a) for name, a in results.approaches.items()},
        "messages": {key: text for text, key in keys.items()},
        "environments": environments,
    }
    write("compatibility", data)


def key_of(text):
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def filled(**values):
    return {name: value for name, value in values.items() if value}


def write(name, data):
    path(name).write_text(lines(data) + "\n", "utf-8")


def lines(value, indent=""):
    """JSON with what fits on a line on one, so that a difference shows a cell."""
    line = json.dumps(value, ensure_ascii=False)
    if len(indent + line) <= WIDTH or not isinstance(value, dict | list):
        return line
    inner = indent + " "
    if isinstance(value, list):
        parts, ends = [lines(each, inner) for each in value], "[]"
    else:
        ends = "{}"
        parts = [f"{json.dumps(k)}: {lines(v, inner)}" for k, v in value.items()]
    body = ",\n".join(inner + part for part in parts)
    return f"{ends[0]}\n{body}\n{indent}{ends[1]}"
