"""A MariaDB server for one run: the one of MARIADB_URL, or one of its own."""

import os
import pwd
import select
import shutil
import subprocess
import tempfile
import threading
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError

from tools.measure.reliability.postgres import NoServer

SECONDS = 60


class Server:
    """A server that somebody else runs.

    :param url: its address, with the name of a database that exists.
    :raises NoServer: when it does not answer, or is no MariaDB.
    """

    def __init__(self, url):
        try:
            if not url.startswith(("mariadb", "mysql")):
                raise NoServer("MARIADB_URL names no MariaDB database.")
            self.url = make_url(url).set(drivername="mysql+pymysql")
            self.engine = create_engine(
                self.url, isolation_level="AUTOCOMMIT", pool_pre_ping=True
            )
            self.numbers = count()
            version = self.run("SELECT version()")[0][0]
        except (ArgumentError, OperationalError) as error:
            why = str(error).splitlines()[0]
            raise NoServer(f"MariaDB does not answer: {why}") from None
        self.version, _, name = version.partition("-")
        if not name.startswith("MariaDB"):
            raise NoServer(f"MARIADB_URL names a server that is no MariaDB: {version}.")

    def run(self, statement, **values):
        """Run a statement from a connection of its own, return the rows."""
        with self.engine.connect() as connection:
            result = connection.execute(text(statement), values)
            return result.all() if result.returns_rows else []

    @contextmanager
    def database(self):
        """The address of an empty database, dropped at the end."""
        name = f"guide_{os.getpid()}_{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        url = self.url.set(database=name).render_as_string(False)
        try:
            yield url
        finally:
            # Who is in a transaction there would hold the tables.
            self.disconnect(url)
            self.run(f"DROP DATABASE {name}")

    def disconnect(self, url):
        """End every connection to a database."""
        found = self.run(
            "SELECT id FROM information_schema.processlist WHERE db = :name",
            name=make_url(url).database,
        )
        for (number,) in found:
            try:
                self.run(f"KILL {number}")
            except OperationalError:
                # It has gone by itself.
                continue


class OwnServer(Server):
    """A server that this run starts and stops.

    :param folder: an empty folder for its data and its socket.
    :raises NoServer: when it is not installed or does not start.
    """

    def __init__(self, folder):
        install, server = map(program, ["mariadb-install-db", "mariadbd"])
        self.folder, owner = Path(folder), {}
        if os.geteuid() == 0:
            # MariaDB refuses to be run by root.
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            owner = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        data = f"--datadir={folder}/data"
        options = ["--auth-root-authentication-method=normal", "--skip-test-db"]
        with (self.folder / "log").open("w+") as log:
            done = subprocess.run(
                [install, "--no-defaults", data, *options],
                cwd=folder,
                stdout=log,
                stderr=log,
                **owner,
            )
            if done.returncode:
                raise self.failed("mariadb-install-db")
        options = ["--skip-networking", "--skip-log-bin"]
        options += ["--innodb-flush-log-at-trx-commit=0"]
        options += ["--innodb-lock-wait-timeout=5"]
        self.process = subprocess.Popen(
            [server, "--no-defaults", data, f"--socket={folder}/socket", *options],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            **owner,
        )
        self.wait()
        super().__init__(f"mysql://root@localhost/mysql?unix_socket={folder}/socket")

    def wait(self):
        """Read what the server says until it takes connections."""
        said = b""
        descriptor = self.process.stderr.fileno()
        while b"ready for connections" not in said:
            ready, *_ = select.select([descriptor], [], [], SECONDS)
            more = os.read(descriptor, 10000) if ready else b""
            if not more:
                self.stop()
                (self.folder / "log").write_bytes(said)
                raise self.failed("mariadbd")
            said += more
        # It says more, and stops when nobody reads it.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def failed(self, name):
        words = (self.folder / "log").read_text("utf-8", "replace").split()
        why = " ".join(words)[-300:]
        return NoServer(f"No MariaDB: {name} says {why}; set MARIADB_URL.")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def program(name):
    """Where a program of the server is; it may not be on the path of a user.

    :raises NoServer: when it is not installed.
    """
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    if found := shutil.which(name, path=path):
        return found
    raise NoServer("No MariaDB: set MARIADB_URL, or install mariadb-server.")


@contextmanager
def running():
    """The server of MARIADB_URL, else one that is started and then removed.

    :raises NoServer: when there is none.
    """
    if url := os.environ.get("MARIADB_URL"):
        yield Server(url)
        return
    with tempfile.TemporaryDirectory(prefix="mariadb-") as folder:
        server = OwnServer(folder)
        try:
            yield server
        finally:
            server.engine.dispose()
            server.stop()
