"""Take a line out of a snippet and see its test fail."""

import importlib.util
import sys
from pathlib import Path


def without(module, line, replacement=""):
    """Import a copy of a module in which ``line`` is replaced.

    :param module: the module to copy, as imported.
    :param line: a part of its source that occurs exactly once.
    :raises AssertionError: when it does not: the test would remove nothing.
    """
    source = Path(module.__file__).read_text("utf-8")
    assert source.count(line) == 1, f"{line!r} is not once in {module.__file__}"
    name = f"{module.__name__}_without"
    spec = importlib.util.spec_from_file_location(name, module.__file__)
    copy = importlib.util.module_from_spec(spec)
    # Python looks classes of declarative models up by the name of their module.
    sys.modules[name] = copy
    exec(
        compile(source.replace(line, replacement), module.__file__, "exec"), vars(copy)
    )
    return copy
