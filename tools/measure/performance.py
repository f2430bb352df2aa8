"""Time a list and an edit under each approach that works, interleaved, as ratios.

Usage: ``nox -s measure -- performance [ROUNDS]``. SQLite, and the PostgreSQL of
DATABASE_URL or one that is started for the run. The numbers go to
data/results/performance.json.
"""

import statistics
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack, contextmanager

from sqlalchemy import create_engine, event, func, insert, select, text
from sqlalchemy.engine import Engine

from snippets.models import Base, User
from tools import results, verdicts
from tools.measure import compatibility, evidence
from tools.measure.reliability.postgres import NoServer, running
from tools.measure.surface import Surface

SIZES = [100, 10_000, 1_000_000]
ID = 50


def fill(url, size):
    """Bring the table of users to ``size`` rows."""
    engine = create_engine(url)
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        count = connection.scalar(select(func.count()).select_from(User))
        for start in range(count, size, 10_000):
            numbers = range(start, min(size, start + 10_000))
            rows = [{"name": f"User {n}", "email": f"{n}@example.com"} for n in numbers]
            connection.execute(insert(User), rows)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT")
        connection.execute(text("ANALYZE"))
    engine.dispose()


@contextmanager
def statements():
    """Collect the SQL that any engine sends in a ``with`` block."""
    sent = []

    def note(connection, cursor, statement, *rest):
        sent.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def list_page(surface, number):
    expect(200, surface.client.get("/admin/user/"))


def edit(surface, number):
    data = surface.form | {"name": f"Edited {number}"}
    expect(302, surface.client.post(f"/admin/user/edit/?id={ID}", data=data))


def expect(status, answer):
    if answer.status_code != status:
        sys.exit(f"performance: {answer.request.path} answers {answer.status}")


REQUESTS = {"list": list_page, "edit": edit}


def measure(url, names, rounds):
    """The ratios to the first approach, and the queries of one request each."""
    surfaces = {name: Surface(compatibility.factory(name), url) for name in names}
    for surface in surfaces.values():
        # The probes of the contract would be part of the time.
        surface.close()
        token = surface.token("/admin/user/new/")
        surface.form = {"csrf_token": token, "email": f"{ID}-edited@example.com"}
    ratios, queries = {}, {name: {} for name in names}
    for kind, send in REQUESTS.items():
        times = {name: [] for name in names}
        for number in range(-2, rounds):
            for name, surface in surfaces.items():
                start = time.perf_counter()
                send(surface, f"{name} {number}")
                if number >= 0:
                    times[name].append(time.perf_counter() - start)
        ratios[kind] = {name: quartiles(times[name], times[names[0]]) for name in names}
        for name, surface in surfaces.items():
            with statements() as sent:
                send(surface, f"{name} last")
            queries[name][kind] = len(sent)
    for surface in surfaces.values():
        with surface.app.app_context():
            surface.app.extensions["sqlalchemy"].engine.dispose()
    return ratios, queries


def quartiles(times, first):
    each = [a / b for a, b in zip(times, first, strict=True)]
    return [round(value, 2) for value in statistics.quantiles(each, n=4)]


def main(rounds=60):
    warnings.simplefilter("ignore")
    known, release = results.compatibility(), compatibility.installed("Flask-Admin")
    states = {n: verdicts.state(known, n, release) for n in known.approaches}
    names = [name for name, state in states.items() if state != verdicts.FAILS]
    ratios = {}
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        urls = {"SQLite": f"sqlite:///{folder}/guide.db"}
        try:
            server = stack.enter_context(running())
        except NoServer as error:
            sys.exit(f"performance: {error}")
        urls["PostgreSQL"] = stack.enter_context(server.database())
        for database, url in urls.items():
            ratios[database] = {}
            for size in SIZES:
                fill(url, size)
                found, queries = measure(url, names, rounds)
                ratios[database][str(size)] = found
                for kind, values in found.items():
                    print(f"{database}, {size:,} rows, {kind}")
                    for name, (low, middle, high) in values.items():
                        print(f"  {name:30} {middle:.2f}  ({low:.2f} to {high:.2f})")
    record = compatibility.new_record()
    data = {"content": evidence.of("performance"), "rounds": rounds}
    data["python"] = record["python"]
    data |= {"packages": record["packages"], "queries": queries, "ratios": ratios}
    results.write("performance", data)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
