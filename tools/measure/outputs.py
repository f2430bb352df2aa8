"""Run the commands whose output the pages show.

* ``X.console``: lines that start with ``$`` are run, what follows is their output.
* ``X.csv``: the output of ``python -m`` on the module of the same name.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tools.paths import ROOT


def commands(path):
    """The commands of a file that holds output.

    :raises ValueError: names a file that has none.
    """
    if path.suffix == ".csv":
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        return [f"python -m {module}"]
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} cannot be read: {error}") from None
    found = [line[2:] for line in lines if line.startswith("$ ")]
    if not found:
        raise ValueError(f"{path.name} has no line that starts with '$ '")
    return found


def capture(path, folder):
    """Run the commands of a file and return what it should hold."""
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "PYTHONPATH": str(ROOT),
        # Python 3.10 draws no carets under a line of a traceback: leave them out.
        "PYTHONNODEBUGRANGES": "1",
        "PYTHON_COLORS": "0",
        "DATABASE_URL": f"sqlite:///{folder}/guide.db",
    }
    # What a reader has downloaded.
    shutil.copy(ROOT / "docs/_extra/doctor.py", folder)
    text = ""
    for command in commands(path):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if path.suffix == ".console":
            text += f"$ {command}\n"
        text += done.stdout
    text = re.sub(r'"/[^"]*/site-packages/', '"', text)
    text = text.replace(f"{ROOT}/", "").replace(str(folder), ".")
    return re.sub(r"0x[0-9a-f]+", "0x…", text)
