"""The project's commands: ``nox -l`` lists them."""

import time
from contextlib import contextmanager

import nox

nox.needs_version = ">=2024.4.15"
nox.options.sessions = ["docs"]
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = True

# Doctrees in the folder of an EPUB would be part of the book.
BUILD = ["python", "-m", "sphinx", "-n", "-W", "--keep-going", "-d", "build/doctrees"]
BUILD += ["-j", "auto", "-c", ".", "docs"]
SITE = "build/html"
steps = {}


@contextmanager
def step(name):
    start = time.monotonic()
    yield
    steps[name] = time.monotonic() - start


def install(session):
    with step("install"):
        session.install("-r", "requirements.txt")


@nox.session
def docs(session):
    """Run every snippet, check the captured output, build the site."""
    install(session)
    with step("snippets"):
        session.run("python", "-m", "pytest", "-q", "snippets")
    with step("output"):
        session.run("python", "-m", "pytest", "-q", "-n2", "tests/test_outputs.py")
    with step("site"):
        session.run(*BUILD, SITE)
    times = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in steps.items())
    session.log(f"{times}")
    session.log(f"the site is {SITE}/index.html")


@nox.session
def tests(session):
    """Run the whole test suite; arguments go to pytest."""
    install(session)
    session.run("python", "-m", "pytest", "-n2", *session.posargs)


@nox.session
def lint(session):
    """Check style and format with ruff."""
    install(session)
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def serve(session):
    """Rebuild the site while you write, and show it in a browser."""
    install(session)
    watch = ["--watch", "snippets", "--open-browser", "-c", "."]
    session.run("sphinx-autobuild", *watch, "docs", "build/serve", *session.posargs)


@nox.session
def outputs(session):
    """Capture anew what the pages show as output; read the difference after it."""
    install(session)
    arguments = ["-q", "--regen-all", "tests/test_outputs.py"]
    session.run("python", "-m", "pytest", *arguments, *session.posargs)


@nox.session
def matrix(session):
    """Measure the compatibility matrix (-- [--check] [NAME ...])."""
    install(session)
    session.run("python", "-m", "tools.measure.compatibility", *session.posargs)


@nox.session
def bench(session):
    """Time a list page under each approach, as ratios."""
    install(session)
    session.run("python", "-m", "tools.measure.performance", *session.posargs)


@nox.session
def live(session):
    """Build what "Try it here" runs (-- --lock); needs npm and node."""
    install(session)
    session.run("python", "tools/publish/live/build.py", *session.posargs)


@nox.session
def browser(session):
    """Check every built page in a real browser, and run the programs in it."""
    install(session)
    session.run("python", "tools/publish/live/build.py")
    session.run(*BUILD, SITE)
    session.run("python", "-m", "pytest", "-n2", "tests/browser", *session.posargs)


@nox.session
def screenshots(session):
    """Take the pictures of the admin anew, in light and dark (-- [NAME ...])."""
    install(session)
    session.run("python", "-m", "tools.publish.screenshots", *session.posargs)


@nox.session
def budgets(session):
    """Weigh and time the site against a stock Furo site of the same words."""
    install(session)
    session.run("python", "tools/publish/live/build.py")
    session.run(*BUILD, SITE)
    session.run("python", "-m", "tools.publish.budgets")
    session.run("python", "-m", "tools.publish.live_budgets")


@nox.session
def postgres(session):
    """Run the approaches on PostgreSQL, under load, with faults and bad input."""
    install(session)
    session.run("python", "-m", "pytest", "tests/reliability", *session.posargs)


@nox.session
def mutants(session):
    """Take each statement out of a snippet and see its tests fail (-- [MODULE ...])."""
    install(session)
    session.run("python", "-m", "tools.measure.mutants", *session.posargs)


@nox.session
def linkcheck(session):
    """Ask each host that a page links to whether the address still stands."""
    install(session)
    session.run(*BUILD, "-b", "linkcheck", "build/linkcheck", *session.posargs)


@nox.session
def epub(session):
    """Build the guide as one EPUB."""
    install(session)
    session.run(*BUILD, "-b", "epub", "build/epub", *session.posargs)


@nox.session
def pdf(session):
    """Print the guide as one PDF, with a browser."""
    install(session)
    session.run(*BUILD, "-b", "singlehtml", "build/singlehtml")
    session.run("python", "-m", "tools.publish.pdf")


@nox.session
def new(session):
    """Start a recipe: page, program and test that pass but for the words (-- NAME)."""
    install(session)
    session.run("python", "-m", "tools.publish.new", *session.posargs)


@nox.session
def lock(session):
    """Compile requirements.in to requirements.txt (-- --upgrade)."""
    session.install("uv")
    compile_ = ["uv", "pip", "compile", "--universal", "--python-version", "3.10"]
    files = ["requirements.in", "-o", "requirements.txt"]
    header = {"UV_CUSTOM_COMPILE_COMMAND": "nox -s lock"}
    session.run(*compile_, *files, *session.posargs, env=header)
