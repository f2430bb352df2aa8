"""With SQLAlchemy 2.1, ``test_isolation`` of Flask-SQLAlchemy-Lite writes for good.

.. testcode::

    from snippets.upstream.isolation_commits import reproduce

    print(reproduce())

.. testoutput::

    1 row left
    RecursionError: maximum recursion depth exceeded
"""

import warnings

from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import text


def reproduce():
    """Return what is left after the isolation, and what a second commit raises."""
    app = Flask(__name__)
    app.config["SQLALCHEMY_ENGINES"] = {"default": "sqlite://"}
    db = SQLAlchemy(app)

    def run(statement):
        with app.app_context():
            db.session.execute(text(statement))
            db.session.commit()

    run("CREATE TABLE mark (id INTEGER)")
    second = "no error"
    with warnings.catch_warnings(), db.test_isolation():
        warnings.simplefilter("ignore")
        run("INSERT INTO mark VALUES (1)")
        try:
            run("INSERT INTO mark VALUES (2)")
        except RecursionError as error:
            second = f"{type(error).__name__}: {str(error).split(' while')[0]}"
    with app.app_context():
        count = db.session.scalar(text("SELECT count(*) FROM mark"))
    return f"{count} row left\n{second}"


if __name__ == "__main__":
    print(reproduce())
