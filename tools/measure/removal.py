"""Take a line out of a snippet and see its test fail."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from tools.paths import ROOT


def without(module, line, replacement=""):
    """Import a copy of a module in which ``line`` is replaced.

    :param module: the module to copy, as imported.
    :param line: a part of its source that occurs exactly once.
    :raises ValueError: when it does not: the test would remove nothing.
    """
    source = Path(module.__file__).read_text("utf-8")
    if source.count(line) != 1:
        raise ValueError(f"{line!r} is not once in {module.__file__}")
    name = f"{module.__name__}_without"
    spec = importlib.util.spec_from_file_location(name, module.__file__)
    copy = importlib.util.module_from_spec(spec)
    # Python looks classes of declarative models up by the name of their module.
    sys.modules[name] = copy
    exec(
        compile(source.replace(line, replacement), module.__file__, "exec"), vars(copy)
    )
    return copy


def copy_project(folder):
    """Copy what git tracks, and what it does not ignore, as it is now.

    :param folder: where to; what is there already is overwritten.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    )
    for name in listed.stdout.split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder
