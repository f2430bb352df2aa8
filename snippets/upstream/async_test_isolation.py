"""Flask-SQLAlchemy-Lite's ``async_test_isolation`` cannot be entered.

.. testcode::

    from snippets.upstream.async_test_isolation import reproduce

    print(reproduce())

.. testoutput::

    TypeError
"""

import asyncio

from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy


def reproduce():
    """Return what entering it raises."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_ENGINES"] = {"default": "sqlite://"}
    db = SQLAlchemy(app)

    async def isolate():
        async with db.async_test_isolation():
            pass

    try:
        asyncio.run(isolate())
    except TypeError as error:
        return type(error).__name__
    return "no error"


if __name__ == "__main__":
    print(reproduce())
