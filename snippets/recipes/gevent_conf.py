"""``gunicorn.conf.py`` for gevent workers.

.. testcode::

    import os, subprocess, sys

    command = [sys.executable, "-m", "gunicorn", "--check-config"]
    command += ["--config", "python:snippets.recipes.gevent_conf"]
    environment = os.environ | {"DATABASE_URL": "sqlite://"}
    print(subprocess.run(command, env=environment).returncode)

.. testoutput::

    0
"""

# region conf
# By name, not by import: gevent wants to patch the worker before your modules load.
wsgi_app = "snippets.recipes.gevent:create_app()"
worker_class = "gevent"
# endregion conf
