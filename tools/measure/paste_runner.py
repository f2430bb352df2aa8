"""Start applications, each in a process of its own, and ask for their pages.

Reads a list of jobs from stdin and writes what each found wrong. It runs in the
environment of a reader: nothing but Python and what their install line brings.
"""

import contextlib
import importlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

SECONDS = 60


class Wrong(Exception):
    pass


def find_app(module):
    if hasattr(module, "create_app"):
        return module.create_app()
    return module.app


def status(client, url):
    answer = client.get(url)
    if answer.status_code >= 500:
        raise Wrong(f"GET {url} answers {answer.status}")
    return answer.status_code


def ask(app, client, allowed):
    """Ask for the list and the create form of each view."""
    app.testing = True
    views = app.extensions["admin"][0]._views
    for view in views:
        urls = [f"{view.url}/"]
        if hasattr(view, "can_create") and view.can_create:
            urls.append(f"{view.url}/new/")
        for url in urls:
            code = status(client, url)
            if code not in allowed:
                raise Wrong(f"GET {url} answers {code}")


def examples(job):
    for code, wanted in job["examples"]:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, "example", "exec"), {"__name__": "example"})
        if printed.getvalue().strip() != wanted:
            raise Wrong(
                f"its example prints {printed.getvalue().strip()!r}, not {wanted!r}"
            )


def last(output):
    return [line for line in output.splitlines() if line.strip()][-1]


def command(words):
    """Run a command to its end, or until the server that it starts answers."""
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        if words[0] != "gunicorn":
            output, _ = process.communicate(timeout=SECONDS)
            if process.returncode:
                lines = [line for line in output.splitlines() if line.strip()]
                raise Wrong(
                    f"{' '.join(words)} ends with {process.returncode}: {lines[-1]}"
                )
            return
        end = time.monotonic() + SECONDS
        while True:
            if process.poll() is not None:
                raise Wrong(
                    f"{words[0]} ended: {process.stdout.read().splitlines()[-1]}"
                )
            try:
                urllib.request.urlopen("http://127.0.0.1:8000/admin/", timeout=5)
                return
            except urllib.error.HTTPError as error:
                if error.code >= 500:
                    raise Wrong(f"/admin/ answers {error.code}") from None
                return
            except OSError:
                if time.monotonic() > end:
                    raise Wrong(f"{words[0]} does not answer on port 8000") from None
                # A server does not say when it listens.
                time.sleep(0.05)
    finally:
        process.terminate()
        process.wait()


def do(job):
    os.chdir(job["folder"])
    sys.path.insert(0, job["folder"])
    os.environ.update(job["environment"])
    if "command" in job:
        return command(job["command"])
    app = find_app(importlib.import_module(job["module"]))
    if "reader" not in job:
        ask(app, app.test_client(), {200, 302, 401, 403})
        return examples(job)
    if status(app.test_client(), "/") != 200:
        raise Wrong("the page of the application itself fails")
    anonymous, staff = app.test_client(), app.test_client()
    allowed = {200, 302, 401, 403} if job["access"] else {200}
    if job["reader"] == "protected":
        ask(app, anonymous, {302, 401, 403})
        staff.post("/sign-in", data={"password": "testing"})
    ask(app, staff, allowed)
    if job["closed"]:
        own = ("/admin/shop_", "/admin/blog_", "/admin/desk_")
        for view in app.extensions["admin"][0]._views:
            url = f"{view.url}/"
            if (
                not url.startswith(own)
                and app.test_client().get(url).status_code == 200
            ):
                raise Wrong(f"GET {url} answers 200 to a visitor")


def describe(error):
    if isinstance(error, Wrong):
        return str(error)
    text = f"{type(error).__name__}: {error}".strip().splitlines()[0]
    return re.sub(r"0x[0-9a-f]+", "0x…", text)


def attempt(job):
    """Do a job in a child process; what it found wrong in one line, or ''."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        signal.alarm(2 * SECONDS)
        try:
            do(job)
            found = ""
        except BaseException as error:
            found = describe(error)
        os.write(writing, found.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        found = pipe.read()
    _, code = os.waitpid(pid, 0)
    return f"it was stopped after {2 * SECONDS} s" if code else found


def main():
    jobs = json.load(sys.stdin)
    # Imported once: the processes of the jobs begin with it.
    for name in "flask", "flask_admin.contrib.sqla", "flask_sqlalchemy_lite":
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    json.dump([attempt(job) for job in jobs], sys.stdout)


if __name__ == "__main__":
    main()
