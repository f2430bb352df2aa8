"""The servers that applications are run on: how each is started, and what it says."""

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from typing import NamedTuple

from tools.measure.compatibility import APPROACHES
from tools.measure.contract import fill
from tools.paths import ROOT

APP = "tools.measure.reliability.app"
GUNICORN = f"gunicorn --graceful-timeout=1 --bind=fd://{{fd}} {APP}:create_app()"
UVICORN = f"uvicorn --factory --no-access-log --fd={{fd}} {APP}:"


class Kind(NamedTuple):
    """A way to serve an application.

    :param command: what Python runs, with ``{fd}`` for the socket it listens on.
    :param workers: how many processes share the socket.
    :param apart: how many such servers run, each with a socket of its own.
    :param closes: whether each request has a connection of its own.
    """

    command: str
    workers: int = 1
    apart: int = 1
    closes: bool = False


@contextmanager
def serving(kind, approach, url, log=subprocess.DEVNULL, **settings):
    """Serve an approach from processes of its own; gives a port for each server.

    :param approach: its name in data/claims, or ``module:function``.
    """
    # Workers that begin at the same time would all make the tables.
    fill(url)
    wiring = approach if ":" in approach else APPROACHES[approach]["wiring"]
    given = {"wiring": wiring, "url": url, "options": {}} | settings
    environment = os.environ | {"SETTINGS": json.dumps(given)}
    ports = []
    with ExitStack() as opened:
        for _ in range(kind.apart):
            listener = socket.create_server(("127.0.0.1", 0), backlog=64)
            number = listener.fileno()
            command = kind.command.format(fd=number).split()
            process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", *command],
                cwd=ROOT,
                env=environment,
                pass_fds=[number],
                stdout=log,
                stderr=log,
            )
            opened.callback(process.wait)
            opened.callback(process.terminate)
            ports.append(listener.getsockname()[1])
            # Once the server has ended, nobody waits for it.
            listener.close()
        yield ports


def probe(port, workers):
    """What each worker says of itself, by its process."""
    found = {}
    while len(found) < workers:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", "/probe")
        said = json.loads(connection.getresponse().read())
        found[said["pid"]] = said
        connection.close()
    return found
