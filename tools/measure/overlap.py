"""The checks that need a process which gevent has patched, as ``tools.measure.ask``.

Usage: ``python -m tools.measure.overlap PLACE MODULE:FUNCTION ...``
"""

from gevent import monkey

# Before anything else is imported: who has a lock keeps it.
monkey.patch_all()

import sys  # noqa: E402

from tools.measure.ask import main  # noqa: E402

if __name__ == "__main__":
    main(*sys.argv[1:], process="gevent")
