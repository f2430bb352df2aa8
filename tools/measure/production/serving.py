"""The servers that an approach is run on: how each is started, and what it says."""

import json
import os
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from typing import NamedTuple

from tools.measure.contract import fill
from tools.paths import ROOT

APP = "tools.measure.production.app"
# A machine that is busy is no fault: the limits are far away.
SECONDS = 300
GUNICORN = f"gunicorn --timeout={SECONDS} --graceful-timeout=1 --bind=fd://{{fd}}"
GUNICORN = f"{GUNICORN} {APP}:create_app()"
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


SERVERS = {
    "gunicorn sync": Kind(f"{GUNICORN} -k sync -w 2", workers=2),
    "gunicorn gthread": Kind(f"{GUNICORN} -k gthread -w 1 --threads=4"),
    "gunicorn gevent": Kind(f"{GUNICORN} -k gevent -w 1"),
    "waitress": Kind(f"{APP} {{fd}}"),
    "uvicorn with a2wsgi": Kind(f"{UVICORN}with_a2wsgi"),
    # Its requests take turns on one thread, so that only processes overlap.
    "uvicorn with asgiref": Kind(f"{UVICORN}with_asgiref", apart=2, closes=True),
}
BARE = Kind(f"{UVICORN}bare")


@contextmanager
def serving(kind, approach, url, log=subprocess.DEVNULL, meeting=None):
    """Serve an approach from processes of its own; gives a port for each server.

    :param approach: its name in data/claims, or ``module:function``.
    :param meeting: the port of a ``Meeting``.
    """
    # Workers that begin at the same time would all make the tables.
    fill(url)
    given = {"approach": approach, "url": url, "options": {}, "meeting": meeting}
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


def get(port, path):
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request("GET", path)
    said = connection.getresponse().read()
    connection.close()
    return said


def probes(kind, ports):
    """What each worker says of itself, when all have said it."""
    found = {}
    for port in ports:
        known = len(found)
        while len(found) < known + kind.workers:
            said = json.loads(get(port, "/probe"))
            found[said["pid"]] = said
    return [*found.values()]
