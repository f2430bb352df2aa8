"""What pages say of other projects' defaults, and of the results as a whole."""

import subprocess
import sys
from importlib import metadata

import pytest
from gunicorn.config import Config
from packaging.requirements import Requirement
from sqlalchemy import create_engine

from tools import results
from tools.paths import ROOT

# While one connection waits for the lock of another, does any other greenlet run?
BLOCKED = """
from gevent import monkey
monkey.patch_all()
import gevent, sqlite3, sys

holder = sqlite3.connect(sys.argv[1], isolation_level=None)
holder.execute("BEGIN IMMEDIATE")
turns = []

def count():
    while True:
        turns.append(1)
        gevent.sleep(0)

gevent.spawn(count)
gevent.sleep(0)
before = len(turns)
if sys.argv[2] == "wait in the database":
    try:
        sqlite3.connect(sys.argv[1], timeout=0.3).execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        assert "locked" in str(error)
else:
    gevent.sleep(0.3)
print("nobody" if len(turns) == before else "others")
"""


@pytest.mark.parametrize(
    ("wait", "ran"), [("wait in the database", "nobody"), ("wait in gevent", "others")]
)
def test_sqlite_blocks_a_gevent_worker(tmp_path, wait, ran):
    command = [sys.executable, "-c", BLOCKED, tmp_path / "test.db", wait]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == (ran, "")


def test_gunicorn():
    config = Config()
    assert (config.worker_class_str, config.worker_connections) == ("sync", 1000)
    config.set("threads", 2)
    assert config.worker_class_str == "gthread"


def test_gunicorn_alone_does_not_install_packaging():
    wishes = map(Requirement, metadata.requires("gunicorn"))
    markers = {str(each.marker) for each in wishes if each.name == "packaging"}
    assert 'extra == "gevent"' in markers
    assert all("extra" in marker for marker in markers)


def test_the_pool_of_an_engine(tmp_path):
    pool = create_engine(f"sqlite:///{tmp_path}/test.db").pool
    assert pool.size() + pool._max_overflow == 15
    assert pool.timeout() == 30


def differs(low, middle, high):
    """As docs/performance.md says: a ratio whose middle half includes 1 does not."""
    return not low <= 1 <= high


def test_the_first_sentences_of_performance():
    plain = ["app-context", "scoped-session", "session-factory"]
    plain += ["custom-modelview", "lazy-session"]
    for sizes in results.performance()["ratios"].values():
        for size, kinds in sizes.items():
            for kind, ratios in kinds.items():
                for name in "flask-sqlalchemy", "flask-sqlalchemy-session":
                    assert not differs(*ratios[name]) or ratios[name][1] > 1
                for name in plain:
                    if kind == "edit":
                        assert differs(*ratios[name])
                    if (kind, size) == ("list", "1000000"):
                        assert ratios[name][1] <= 1.03
                    else:
                        assert ratios[name][1] > 1
