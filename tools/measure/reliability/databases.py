"""The database servers that checks and recipes run on, by the name of the tables."""

from tools.measure.reliability import mariadb, postgres

DATABASES = {"PostgreSQL": postgres, "MariaDB": mariadb}


def server(url):
    """The server at an address.

    :raises postgres.NoServer: when it does not answer.
    """
    module = mariadb if url.startswith(("mariadb", "mysql")) else postgres
    return module.Server(url)
