"""``gunicorn.conf.py`` for gevent workers.

.. testcode::

    import os, subprocess, sys

    command = [sys.executable, "-m", "gunicorn", "--check-config"]
    command += ["--config", "python:snippets.recipes.gevent_conf"]
    environment = os.environ | {"DATABASE_URL": "sqlite://"}
    command += ["snippets.recipes.gevent:create_app()"]
    print(subprocess.run(command, env=environment).returncode)

.. testoutput::

    0
"""

worker_class = "gevent"
