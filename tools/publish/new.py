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
    print("A first tag" in client.get("/admin/tag/").text)

.. testoutput::

    True
"""

import os
import secrets
from functools import cached_property
from inspect import iscoroutinefunction
from typing import cast

from flask import Flask, has_app_context
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from werkzeug.local import LocalProxy


$setup


class Base(DeclarativeBase):
    pass


class Tag(Base):
    __tablename__ = "${module}_tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))


# region recipe
class TagView(ModelView):
    form_base_class = SecureForm


# endregion recipe


def create_app(config=None):
    app = Flask(__name__)
    app.config.from_mapping(
        # A random key ends all logins at each start: set one outside of development.
        SECRET_KEY=os.environ.get("SECRET_KEY") or secrets.token_hex(),
        SQLALCHEMY_ENGINES={
            "default": os.environ.get("DATABASE_URL", "sqlite:///guide.db")
        },
    )
    app.config.from_mapping(config)
    db.init_app(app)
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Tag, 1) is None:
            db.session.add(Tag(name="A first tag"))
            db.session.commit()

    admin = Admin(app)
    # region add
    admin.add_view(TagView(Tag, db.session))
    # endregion add
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
description: "Say in 70 to 155 characters what a reader finds here, for search engines."
yours: {Tag: "one of your models, with a name"}
---

# $title

The answer, in one sentence or two.

{{ guide.recipe("$name") }}

## Install

```{install}
```

## Change your app

```{snippet} recipes/$module.py
:region: recipe
:place: views
```

```{snippet} recipes/$module.py
:region: add
:place: add
```

## Why it works

## Traps

## Limitations

## The whole program

```{whole-program} recipes/$module.py
```

## How it is verified
"""


def setup():
    """The classes of the recommended approach, as its program has them."""
    path = ROOT / "snippets/workarounds/proxy_sqlalchemy.py"
    text = path.read_text("utf-8").split("# region db\n")[1]
    return text.split("# endregion db")[0].strip()


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
        "setup": setup(),
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
