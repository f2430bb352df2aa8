import os
import sys

workers = 2
threads = 2
# Make the application, and its tables, once and not in each worker.
preload_app = True


def on_starting(server):
    if os.environ.get("SECRET_KEY"):
        return
    if not server.cfg.preload_app:
        sys.exit("Set SECRET_KEY: without preload_app no two workers have the same.")
    server.log.warning("SECRET_KEY is not set: each start ends all logins.")


def post_fork(server, worker):
    app = server.app.wsgi()
    with app.app_context():
        for engine in app.extensions["sqlalchemy"].engines.values():
            # Leave the connections that were inherited to the parent process.
            engine.dispose(close=False)
