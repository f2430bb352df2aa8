"""The fixtures keep tests apart and fail a test whose requests leak."""

from pathlib import Path

import pytest
import sqlalchemy
from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from packaging.version import Version
from sqlalchemy import text

from snippets.recipes import testing
from snippets.recipes.testing import Tag
from snippets.request_scoping import Probe

SOURCE = Path(testing.__file__).read_text("utf-8")
LEAK = (
    "    admin.add_view(TagView(Tag, db.session))",
    """
    with app.app_context():
        kept = db.sessionmaker()
    stub = type("", (), {"get_session": lambda self: kept})()
    admin.add_view(TagView(Tag, LazySession(stub)))""",
)
MORE = """
pools = []

@pytest.mark.parametrize("time", [1, 2])
def test_pool(app, client, time):
    client.get("/admin/tag/")
    with app.app_context():
        pools.append(db.engine.pool)
    assert [pool.checkedin() for pool in pools] == [0, 1][-time:]


def test_isolated_rollback(shared_app, isolated):
    with shared_app.app_context():
        for name, end in ("kept", db.session.commit), ("unique", db.session.rollback):
            db.session.add(Tag(name=name))
            db.session.flush()
            end()
        assert "kept" in db.session.scalars(select(Tag.name)).all()


def test_after_isolated(shared_app):
    page = shared_app.test_client().get("/admin/tag/").text
    assert "history" in page and "unique" not in page
"""
REJECTED = "*test_isolated[[]2] - *200 == 302*"
LOST = "*assert 'kept' in *"
TWICE = "*cannot start a transaction within a transaction"


@pytest.fixture
def run(pytester):
    """Run tests of the snippet with its fixtures, after replacing parts of it."""

    def run(only, *replacements):
        source = SOURCE + MORE
        for part, replacement in replacements:
            assert source.count(part) == 1
            source = source.replace(part, replacement)
        pytester.makepyfile(source)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-k", only)

    return run


def test_the_fixtures(run):
    run("test").assert_outcomes(passed=9)


def test_a_leak_fails_the_test_that_has_it(run):
    found = run("rejected", LEAK)
    found.assert_outcomes(passed=1, errors=1)
    found.stdout.fnmatch_lines(["*1 connections were not given back*"])


def test_a_leak_in_memory_cannot_be_seen(run):
    found = run("rejected", LEAK, ("sqlite:///{tmp_path}/test.db", "sqlite://"))
    found.stdout.fnmatch_lines(["*'StaticPool' object has no attribute 'checkedout'"])


@pytest.mark.parametrize(
    ("part", "replacement", "only", "failed"),
    [
        ("db.engine.dispose()", "pass", "pool", "*[[]1, 1] == *"),
        ("lambda begun: begun.exec_driver_sql", "lambda _: str", "isolated", REJECTED),
        (', join_transaction_mode="create_savepoint"', "", "isolated", LOST),
        ("sessions.configure(bind=connection, ", "dict(", "isolated", TWICE),
        ("sessions.configure(bind=engine)", "", "isolated", "*Connection is closed"),
        ("connection.begin()", "", "isolated", REJECTED),
    ],
)
def test_removal(run, part, replacement, only, failed):
    run(only, (part, replacement)).stdout.fnmatch_lines([failed])


VIEW = "class TagView(ModelView):"


NOTHING_SAVED = f"{VIEW}\n    def create_model(self, form):\n        return Tag()\n"


@pytest.mark.parametrize(
    ("part", "replacement", "failed"),
    [
        ('"csrf_token": token', '"csrf_token": ""', ["create_tag(client, *== 302"]),
        (VIEW, NOTHING_SAVED, ["db.session.scalar(select(Tag)*"]),
        (
            VIEW,
            f"{VIEW}\n    column_list = ['id']",
            ['"prepared" in client.get(*', '"unique" in isolated.get(*'],
        ),
        (", unique=True", "", ["create_tag(client, *== 200"]),
    ],
)
def test_the_tests_of_the_page_can_fail(run, part, replacement, failed):
    found = run("create or prepare or rejected or isolated", (part, replacement))
    found.stdout.fnmatch_lines([f">*assert {line}" for line in failed])


def test_removal_of_the_assertion(run):
    found = run("rejected", LEAK, ("assert kept == 0", "assert kept == 1"))
    found.assert_outcomes(passed=1)


def test_a_context_around_requests_shares_its_session(drive):
    surface = drive(testing.create_app)
    with Probe(surface.app) as probe:
        with surface.app.app_context():
            testing.db.session.add(Tag(name="never committed"))
            assert "never committed" in surface.get("/admin/tag/")
        assert "never committed" not in surface.get("/admin/tag/")
    assert [kept for _, _, kept in probe.requests] == [1, 0]


def test_isolation_of_the_library():
    """Flask-SQLAlchemy-Lite's own way, on both lines of SQLAlchemy."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_ENGINES"] = {"default": "sqlite://"}
    db = SQLAlchemy(app)
    with app.app_context():
        sqlalchemy.event.listen(
            db.engine, "begin", lambda begun: begun.exec_driver_sql("BEGIN")
        )
        db.session.execute(text("CREATE TABLE mark (id INTEGER)"))
        db.session.commit()

    def insert():
        with app.app_context():
            db.session.execute(text("INSERT INTO mark VALUES (1)"))
            db.session.commit()

    new = Version(sqlalchemy.__version__) >= Version("2.1")
    with db.test_isolation():
        insert()
        if new:
            with pytest.raises(
                RecursionError, match="maximum recursion depth exceeded"
            ):
                insert()
    with app.app_context():
        left = db.session.scalar(text("SELECT count(*) FROM mark"))
    assert left == (1 if new else 0)
