"""Two clients whose requests always overlap, whatever serves them."""

import socket
import threading
from contextlib import suppress

from sqlalchemy import NullPool, create_engine, select
from sqlalchemy.orm import Session

from tools.measure.models import Post, User
from tools.measure.production.serving import SECONDS
from tools.measure.reliability.load import Client


class Meeting:
    """Where two requests wait for each other, whatever processes serve them."""

    def __init__(self):
        self.waiting, self.met, self.over = {}, set(), set()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            place, _ = self.listener.accept()
            name = place.recv(100).decode()
            with self.lock:
                other = self.waiting.pop(name, None)
                if other:
                    self.met.add(name)
                elif not {name, name.split("/")[0]} & self.over:
                    self.waiting[name] = place
                    continue
            self.go(other, place)

    def leave(self, name):
        """Let nobody wait in a request or a round that one of the two is out of."""
        with self.lock:
            self.over.add(name)
            left = [n for n in self.waiting if name in (n, n.split("/")[0])]
            places = [self.waiting.pop(n) for n in left]
        self.go(*places)

    def go(self, *places):
        for place in filter(None, places):
            # Who has waited too long is gone.
            with suppress(OSError), place:
                place.sendall(b".")


class Paired(Client):
    """A client whose requests each meet the same request of the other client."""

    def __init__(self, meeting, closes, *about):
        super().__init__(*about)
        self.meeting, self.closes, self.steps = meeting, closes, set()

    def round(self, tag, race):
        self.now, self.step = tag.partition("-")[2], 0
        self.connection.timeout = SECONDS
        try:
            super().round(tag, race)
        except Exception:
            self.meeting.leave(self.now)
            raise

    def ask(self, *request):
        self.step += 1
        name = f"{self.now}/{self.step}"
        self.steps.add(name)
        self.cookie = f"{self.cookie.partition(';')[0]}; meeting={name}"
        try:
            return super().ask(*request)
        finally:
            self.meeting.leave(name)
            if self.closes:
                self.connection.close()


def expected(ledger):
    """The rows that clients were told of, and those that were there before."""
    names = {"ada@example.com": "Ada", "grace@example.com": "Grace"} | ledger.names
    authors = dict.fromkeys(["A compiler", "Nanoseconds"], "grace@example.com")
    authors |= {"Notes on the engine": "ada@example.com"} | ledger.authors
    return [*names.items(), *authors.items()]


def rows(url):
    """The same of what is in the database."""
    engine = create_engine(url, poolclass=NullPool)
    with Session(engine) as session:
        users = session.execute(select(User.email, User.name))
        posts = session.execute(select(Post.title, User.email).join(Post.author))
        return [*map(tuple, [*users, *posts])]
