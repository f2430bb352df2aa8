"""Start a recipe: ``nox -s new -- recipes/NAME`` writes its page, program and test."""

import re
import sys
from string import Template

from tools.measure.compatibility import installed
from tools.paths import ROOT

PROGRAM = '''"""Say in one line what the program does.

.. testcode::

    from snippets.recipes.$module import create_app

    client = create_app({"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}).test_client()
    print("history" in client.get("/admin/tag/").text)

.. testoutput::

    True
"""

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import Tag, create_tables
from snippets.workarounds.lazy_session import LazySession

db = SQLAlchemy()


# region recipe
class RecipeView(ModelView):
    form_base_class = SecureForm


# endregion recipe


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_object("snippets.settings")
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        create_tables(db)

    admin = Admin(app)
    admin.add_view(RecipeView(Tag, LazySession(db)))
    return app
'''

TEST = '''"""Say in one line what holds."""

import pytest

from snippets.recipes import $module
from tools.measure.removal import without


def test_the_form_has_a_token(surface):
    assert surface.token("/admin/tag/new/")


def test_removal(drive):
    module = without($module, "form_base_class = SecureForm", "pass")
    with pytest.raises(TypeError):
        test_the_form_has_a_token(drive(module.create_app))
'''

PAGE = """---
group: Views
needs: [1]
works: "==$release"
error: ""
cause: ""
---

# $title

The symptom or the wish, in the reader's words.

{{ guide.recipe("$name") }}

```{snippet} recipes/$module.py
:region: recipe
```

## Why it works

## Traps

## What it cannot do

## How it is verified
"""


def main(arguments):
    name = arguments[0].removeprefix("recipes/") if len(arguments) == 1 else ""
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name):
        sys.exit("new: give the one name of a recipe, such as recipes/slow-lists")
    module = name.replace("-", "_")
    values = {
        "name": name,
        "module": module,
        "title": name.replace("-", " ").capitalize(),
        "release": installed("Flask-Admin"),
    }
    files = {
        f"docs/recipes/{name}.md": PAGE,
        f"snippets/recipes/{module}.py": PROGRAM,
        f"tests/recipes/test_{module}.py": TEST,
    }
    there = [path for path in files if (ROOT / path).exists()]
    if there:
        sys.exit(f"new: {there[0]} is there already")
    for path, text in files.items():
        (ROOT / path).write_text(Template(text).substitute(values), "utf-8")
        print(f"wrote {path}")
    command = f"nox -s measure -- compatibility flask-admin=={values['release']}"
    print(f"Next: {command}, then nox -s docs")


if __name__ == "__main__":
    main(sys.argv[1:])
