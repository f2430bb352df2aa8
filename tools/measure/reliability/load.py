"""Clients that work in an admin at the same time, and the ledger that they keep."""

import re
import threading
from collections import Counter
from http.client import HTTPConnection
from urllib.parse import urlencode

TOKEN = re.compile(r'name="csrf_token"[^>]*value="([^"]+)"')
CONFLICT = re.compile(r"Already exists\.|Integrity error\.")
HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}


class Unexpected(Exception):
    """An answer that no client asked for."""


class Ledger:
    """What the clients did, and what has to be in the database after it."""

    def __init__(self):
        self.names, self.authors = {}, {}
        self.winners, self.errors, self.sessions = Counter(), Counter(), Counter()
        self.requests = self.conflicts = 0
        self.lock = threading.Lock()


class Client(threading.Thread):
    """One person who lists, creates, edits, looks up, exports and deletes.

    :param number: tells the rows of this client from those of the others.
    :param rounds: the numbers of the rounds; each makes the same requests.
    :param barrier: lets the clients begin each round together.
    """

    def __init__(self, number, port, rounds, barrier, ledger):
        super().__init__(daemon=True)
        self.number, self.port, self.rounds = number, port, rounds
        self.barrier, self.ledger = barrier, ledger
        self.cookie = ""

    def run(self):
        for number in self.rounds:
            self.barrier.wait()
            # A new connection may land on another worker.
            self.connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
            try:
                self.round(f"{self.number}-{number}", f"race-{number}@example.com")
            except Exception as error:
                self.ledger.errors[f"{type(error).__name__}: {error}"] += 1
            self.connection.close()

    def round(self, tag, race):
        email, titles = f"{tag}@example.com", [f"{tag}-{letter}" for letter in "abcd"]
        names, authors = self.ledger.names, self.ledger.authors

        form = self.form("/admin/user/new/")
        # Everybody wants this address at once; one gets it.
        if self.create("/admin/user/new/", form | {"name": tag, "email": race}):
            names[race] = tag
            self.ledger.winners[race] += 1
        form |= {"name": tag, "email": email}
        user = self.create("/admin/user/new/", form)
        names[email] = tag
        if self.create("/admin/user/new/", form) is not None:
            raise Unexpected("a second row with one address")
        path = f"/admin/user/edit/?id={user}"
        edited = {"name": f"{tag} edited", "email": email}
        self.send("POST", path, self.form(path) | edited, status=302)
        names[email] = f"{tag} edited"

        form = self.form("/admin/post/new/") | {"author": user, "tags": ["1", "2"]}
        posts = []
        for title in titles:
            posts.append(self.create("/admin/post/new/", form | {"title": title}))
            authors[title] = email
        if self.create("/admin/post/new/", form | {"title": titles[0]}) is not None:
            raise Unexpected("a second row with one title")
        path = f"/admin/post/edit/?id={posts[0]}"
        changed = {"title": f"{tag}-e", "author": user, "tags": "2"}
        self.send("POST", path, self.form(path) | changed, status=302)
        authors[f"{tag}-e"] = authors.pop(titles[0])
        token = self.form("/admin/post/")["csrf_token"]
        data = {"csrf_token": token, "list_form_pk": posts[1], "title": f"{tag}-f"}
        self.send("POST", "/admin/post/ajax/update/", data, "successfully saved")
        authors[f"{tag}-f"] = authors.pop(titles[1])
        data = {"csrf_token": token, "action": "delete", "rowid": posts[2:]}
        self.send("POST", "/admin/post/action/", data, status=302)
        del authors[titles[2]], authors[titles[3]]

        left = f"{tag}-f"
        self.send("GET", f"/admin/post/?search={tag}&sort=0&desc=1", contains=left)
        self.send("GET", f"/admin/post/export/csv/?search={tag}", contains=left)
        self.send("GET", f"/admin/post/details/?id={posts[1]}", contains=left)
        lookup = f"/admin/post/ajax/lookup/?name=author&query={email}"
        self.send("GET", lookup, contains=f"{tag} edited")
        token = self.form("/admin/user/?sort=1")["csrf_token"]
        if tag.endswith("1"):
            data = {"csrf_token": token, "id": user}
            self.send("POST", "/admin/user/delete/", data, status=302)
            # Its posts go with it.
            del names[email], authors[f"{tag}-e"], authors[f"{tag}-f"]

    def form(self, path):
        """The part of a form that every request sends back."""
        token = TOKEN.search(self.send("GET", path, contains="csrf_token"))[1]
        return {"csrf_token": token, "_continue_editing": "1"}

    def create(self, path, data):
        """Create a row and return its id, or nothing when its value is taken."""
        response, text = self.ask("POST", path, data)
        if response.status == 200 and CONFLICT.search(text):
            with self.ledger.lock:
                self.ledger.conflicts += 1
            return None
        if response.status != 302:
            self.fail("POST", path, response)
        return re.search(r"[?&]id=(\d+)", response.headers["Location"])[1]

    def send(self, method, path, data=None, contains="", status=200):
        """Send a request whose answer is known, and return the body.

        :raises Unexpected: for another status, or a body without ``contains``.
        """
        response, text = self.ask(method, path, data)
        if response.status != status or contains not in text:
            self.fail(method, path, response)
        return text

    def ask(self, method, path, data=None):
        body = urlencode(data, doseq=True) if data else None
        self.connection.request(method, path, body, HEADERS | {"Cookie": self.cookie})
        response = self.connection.getresponse()
        text = response.read().decode()
        if cookie := response.headers["Set-Cookie"]:
            self.cookie = cookie.partition(";")[0]
        with self.ledger.lock:
            self.ledger.requests += 1
            self.ledger.sessions.update(response.headers.get("X-Sessions", "").split())
        return response, text

    def fail(self, method, path, response):
        found = response.headers["X-Error"] or f"an unexpected {response.status}"
        raise Unexpected(f"{method} {path.partition('?')[0]}: {found}")


def work(port, rounds, ledger):
    """Let eight clients work for some rounds."""
    barrier = threading.Barrier(8)
    clients = [Client(n, port, rounds, barrier, ledger) for n in range(8)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
