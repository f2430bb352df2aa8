"""Run the admin in several processes and threads of gunicorn.

.. testcode::

    import os, subprocess, sys

    command = [sys.executable, "-m", "gunicorn", "--check-config"]
    command += ["--config", "python:snippets.recipes.gunicorn"]
    environment = os.environ | {"DATABASE_URL": "sqlite://"}
    print(subprocess.run(command, env=environment).returncode)

.. testoutput::

    0
"""

import os
import sys

from snippets.workarounds.lazy_session import create_app

__all__ = ["create_app"]

# region recipe
wsgi_app = "snippets.recipes.gunicorn:create_app()"
workers = 2
threads = 2
# Make the application, and its tables, once and not in each worker.
preload_app = True


def on_starting(server):
    # Each start would end all logins, and without preload_app no two workers agree.
    if not os.environ.get("SECRET_KEY"):
        sys.exit("Set SECRET_KEY, the same for all workers and starts.")


def post_fork(server, worker):
    app = server.app.wsgi()
    with app.app_context():
        for engine in app.extensions["sqlalchemy"].engines.values():
            # Leave the connections that were inherited to the parent process.
            engine.dispose(close=False)


# endregion recipe
