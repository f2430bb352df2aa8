"""Flask-Admin 2.2.1 cannot be imported where Flask-SQLAlchemy is not installed.

.. testcode::

    from snippets.upstream.import_with_lite_alone import reproduce

    print(reproduce())

.. testoutput::

    ImportError: cannot import name 'T_SESSION' from 'flask_admin.contrib.sqla._types'
"""

import subprocess
import sys

# None in sys.modules makes the import fail as if the package were not installed.
PROGRAM = """
import sys
sys.modules["flask_sqlalchemy"] = None
import flask_sqlalchemy_lite
import flask_admin.contrib.sqla
"""


def reproduce():
    """Return the last line of the traceback, without the file's place."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True
    )
    return done.stderr.strip().splitlines()[-1].split(" (")[0]


if __name__ == "__main__":
    print(reproduce())
