"""The project's commands: ``nox -l`` lists them."""

import nox

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["docs"]
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = True

SITE = "build/html"
# Doctrees in the folder of an EPUB would be part of the book.
SPHINX = "-m sphinx -n -W --keep-going -d build/doctrees -j auto -c . docs"
# What a host says of itself; the prefix is the one that the browser tests serve.
HOST = {
    "READTHEDOCS_CANONICAL_URL": "https://docs.example/en/latest/",
    "READTHEDOCS_GIT_CLONE_URL": "https://git.example/guide.git",
}
LIVE = "tools/publish/live/build.py"
# What shares an environment of a reader runs in one process.
TESTS = "-m pytest -n2 --dist loadgroup"
OUTPUTS = "-m pytest -q tests/test_outputs.py"

# What python runs for each name; the last command takes the arguments.
MEASURE = {
    "compatibility": ["-m tools.measure.compatibility"],
    "databases": ["-m tools.measure.databases"],
    "performance": ["-m tools.measure.performance"],
    "paste": [f"{SPHINX} {SITE}", f"-m tools.measure.paste {SITE} --record"],
    "reliability": ["-m pytest tests/reliability --record-reliability"],
    "servers": ["-m tools.measure.servers"],
    "mutants": ["-m tools.measure.mutants"],
    "outputs": [f"{OUTPUTS} --regen-all"],
    "resolutions": ["-m tools.measure.resolutions"],
    "screenshots": ["-m tools.publish.screenshots"],
    "release": ["-m tools.measure.release"],
    "rehearsal": ["-m tools.measure.rehearsal --record"],
}
BUDGETS = ["-m tools.publish.budgets", "-m tools.publish.live_budgets"]
CHECK = {
    "compatibility": ["-m tools.measure.compatibility --check"],
    "databases": ["-m tools.measure.databases --check"],
    "reliability": ["-m pytest tests/reliability"],
    "servers": ["-m tools.measure.servers --check"],
    "outputs": [f"{OUTPUTS} -n2"],
    "resolutions": ["-m tools.measure.resolutions --check"],
    "screenshots": ["-m pytest -q tests/test_screenshots.py"],
    "budgets": [LIVE, f"{SPHINX} {SITE}", *BUDGETS],
    "rehearsal": ["-m tools.measure.rehearsal"],
    "paste": [f"{SPHINX} {SITE}", f"-m tools.measure.paste {SITE}"],
}
BUILD = {
    "live": [LIVE],
    "readme": ["-m tools.publish.readme"],
    "epub": [f"{SPHINX} build/epub -b epub"],
    "pdf": [f"{SPHINX} build/epub -b epub", "-m tools.publish.pdf"],
    "linkcheck": [f"{SPHINX} build/linkcheck -b linkcheck"],
}


def run(session, *commands, arguments=(), env=None):
    session.install("-r", "requirements.txt")
    for command in commands[:-1]:
        session.run("python", *command.split(), env=env)
    session.run("python", *commands[-1].split(), *arguments, env=env)


def define(name, does, known):
    """Make a session that takes one of the names and then arguments of its own."""

    def session_of_names(session):
        first = session.posargs[0] if session.posargs else ""
        if first not in known:
            session.error(f"{first!r} is none of the names: {', '.join(known)}")
        run(session, *known[first], arguments=session.posargs[1:])

    session_of_names.__doc__ = f"{does}: {', '.join(known)} (-- NAME ...)."
    nox.session(session_of_names, name=name)


define("measure", "Measure anew", MEASURE)
define("check", "Compare with what was measured", CHECK)
define("build", "Build what belongs to the site", BUILD)


@nox.session
def docs(session):
    """Run every snippet, check the captured output, build the site."""
    run(session, f"{TESTS} -q snippets tests/test_outputs.py", f"{SPHINX} {SITE}")
    session.log(f"the site is {SITE}/index.html")


@nox.session
def tests(session):
    """Run the whole test suite (-- PYTEST'S OWN ARGUMENTS)."""
    run(session, TESTS, arguments=session.posargs)


@nox.session
def paste(session):
    """Run what the built pages print in a reader's folder (-- PYTEST'S ARGUMENTS)."""
    run(session, f"{TESTS} tests/test_paste.py", arguments=session.posargs)


@nox.session
def lint(session):
    """Check style, the layers of the code, and the words of the pages."""
    run(session, "-m ruff check", "-m ruff format --check", "-m tools.words")
    session.run("lint-imports", "--no-logo", "--no-cache")


@nox.session
def serve(session):
    """Rebuild the site while you write, and show it in a browser."""
    watch = "-m sphinx_autobuild --watch snippets --open-browser -c ."
    run(session, f"{watch} docs build/serve", arguments=session.posargs)


@nox.session
def browser(session):
    """Check every built page in a real browser, and run the programs in it."""
    run(session, LIVE, f"{SPHINX} {SITE}")
    run(session, f"{SPHINX} build/hosted -d build/doctrees-hosted", env=HOST)
    tests = "-m pytest -p playwright -n2 tests/browser"
    run(session, tests, arguments=session.posargs)


@nox.session
def new(session):
    """Start a recipe: page, program and test that pass but for the words (-- NAME)."""
    run(session, "-m tools.publish.new", arguments=session.posargs)


@nox.session
def lock(session):
    """Compile requirements.in to requirements.txt (-- --upgrade)."""
    session.install("uv")
    compile_ = "uv pip compile --universal --generate-hashes requirements.in"
    env = {"UV_CUSTOM_COMPILE_COMMAND": "nox -s lock"}
    compile_ += " --python-version 3.10 -o requirements.txt"
    session.run(*compile_.split(), *session.posargs, env=env)
