"""A gunicorn that a test has started, and the requests that are sent to it."""

import re
import socket
import subprocess
import sys
from contextlib import contextmanager
from http.client import HTTPConnection
from urllib.parse import urlencode


class Server:
    """The process, and what it has said so far."""

    def __init__(self, process):
        self.process, self.said = process, ""

    def wait_for(self, pattern):
        """Read what gunicorn says until a line that matches."""
        for line in self.process.stderr:
            self.said += line
            if found := re.search(pattern, line):
                return found
        raise RuntimeError(self.said)

    def request(self, method, path, headers=None, data=None):
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        body = urlencode(data) if data else None
        if body:
            headers = headers | {"Content-Type": "application/x-www-form-urlencoded"}
        # Otherwise a thread waits for the next request of this connection.
        headers = (headers or {}) | {"Connection": "close"}
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer, answer.read().decode()

    @contextmanager
    def busy(self):
        """Keep one single-threaded worker reading a request until the block ends."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as client:
            client.sendall(
                b"POST /admin/tag/new/ HTTP/1.1\r\nHost: localhost\r\n"
                b"Content-Type: application/x-www-form-urlencoded\r\n"
                b"Content-Length: 1\r\nExpect: 100-continue\r\n\r\n"
            )
            if b"100 Continue" not in client.recv(100):
                raise RuntimeError("the worker does not read the request")
            yield
            client.sendall(b"=")
            while client.recv(10000):
                pass

    def form(self):
        """A form's token, and the cookie that it belongs to."""
        answer, page = self.request("GET", "/admin/tag/new/")
        token = re.search('name="csrf_token"[^>]* value="([^"]+)"', page)[1]
        return token, {"Cookie": answer.getheader("Set-Cookie").split(";")[0]}

    def create(self, name, token, cookie):
        data = {"name": name, "csrf_token": token}
        return self.request("POST", "/admin/tag/new/", cookie, data)[0].status


@contextmanager
def gunicorn(folder, environment, arguments=("app:create_app()",), address="127.0.0.1"):
    """Start gunicorn in a folder as a page does, on a port of its own."""
    command = [sys.executable, "-m", "gunicorn", *arguments]
    command += ["--bind", f"{address}:0", "--no-control-socket"]
    with subprocess.Popen(
        command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        server = Server(process)
        try:
            server.port = int(server.wait_for(r"Listening at: http://.*:(\d+)")[1])
            server.wait_for("Booting worker")
            yield server
        finally:
            process.terminate()
