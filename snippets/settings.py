"""Configuration of the example applications, read from the environment.

.. testcode::

    from snippets import settings

    print(settings.SQLALCHEMY_ENGINES)

.. testoutput::

    {'default': 'sqlite:///guide.db'}
"""

import os
import secrets

# region settings
# A random key ends all logins at each start, and differs between worker
# processes: set SECRET_KEY wherever more than one person uses the application.
SECRET_KEY = os.environ.get("SECRET_KEY") or secrets.token_hex()

SQLALCHEMY_DATABASE_URI = os.environ.get("DATABASE_URL", "sqlite:///guide.db")
SQLALCHEMY_ENGINES = {"default": SQLALCHEMY_DATABASE_URI}
# endregion settings
