"""Under gevent, requests that overlap end in an error on plain Flask-SQLAlchemy-Lite.

.. testcode::

    from snippets.upstream.gevent_teardown import reproduce

    print(reproduce())

.. testoutput::

    200 OK
    RuntimeError: You cannot use AsyncToSync in the same thread as an async event loop \
- just await the async function directly.
    RuntimeError: asyncio.run() cannot be called from a running event loop
"""

import subprocess
import sys

# A process of its own, because gevent has to patch it before anything is imported.
PROGRAM = """
from gevent import monkey
monkey.patch_all()

import asyncio
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import sleep

from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy

app = Flask(__name__)
app.config["SQLALCHEMY_ENGINES"] = {"default": "sqlite://"}
db = SQLAlchemy(app)
overlap = Barrier(3)


@app.get("/<when>")
def view(when):
    overlap.wait()
    # Go on when the teardown of another request is in its event loop.
    while when == "later" and asyncio._get_running_loop() is None:
        sleep(0)
    return "done"


def request(when):
    try:
        return app.test_client().get(when).status
    except RuntimeError as error:
        return f"RuntimeError: {error}"


with ThreadPoolExecutor() as pool:
    print(*sorted(pool.map(request, ["/now", "/now", "/later"])), sep="\\n")
"""


def reproduce():
    """Return what three requests get, none of which has an asynchronous view."""
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


if __name__ == "__main__":
    print(reproduce())
