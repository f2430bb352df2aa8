"""List where Flask-Admin reads the ``session`` that a view was given.

.. testcode::

    from snippets.session_reads import reads

    print(sum("ModelView.get_query" in where for where, count in reads()))

.. testoutput::

    1
"""

import ast
import csv
import importlib.util
import sys
from collections import Counter
from pathlib import Path


# region reads
def reads():
    """Yield each method under ``flask_admin.contrib.sqla`` that reads ``.session``.

    :return: pairs of file and qualified name, and how often it reads it.
    """
    spec = importlib.util.find_spec("flask_admin")
    folder = Path(spec.submodule_search_locations[0], "contrib/sqla")
    for path in sorted(folder.glob("*.py")):
        count = Counter()
        stack = [(ast.parse(path.read_text("utf-8")), ())]
        while stack:
            node, names = stack.pop()
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                names = (*names, node.name)
            if (
                isinstance(node, ast.Attribute)
                and node.attr == "session"
                and isinstance(node.ctx, ast.Load)
            ):
                count[".".join(names)] += 1
            stack += [(child, names) for child in ast.iter_child_nodes(node)]
        for name in sorted(count):
            yield f"{path.name}: {name}", count[name]


# endregion reads


def main():
    table = csv.writer(sys.stdout, lineterminator="\n")
    table.writerow(["Where Flask-Admin reads the session", "times"])
    table.writerows(reads())


if __name__ == "__main__":
    main()
