"""The login is the same wherever a page shows it."""

import ast
from pathlib import Path

import pytest

from snippets import production
from snippets.recipes import ajax_references, flask_login, protected_admin, tenants
from snippets.tutorial import login
from tools.measure import login as accounts

# What each program says in its own way: whose accounts there are, and who gets in.
OWN = {
    "production": {"protect_admin"},
    "protected_admin": {"Account", "create_account", "protect_admin"},
    "tenants": {"Account", "create_account"},
}
NAMES = {
    "Account",
    "LoginForm",
    "NOBODY",
    "PAGE",
    "auth",
    "create_account",
    "is_path",
    "load_account",
    "login",
    "login_manager",
    "logout",
    "protect_admin",
}


def parts(module):
    """The source of each part of a program's login, without the name of its table."""
    source = Path(module.__file__).read_text("utf-8")
    found = {}
    for node in ast.parse(source).body:
        names = [getattr(node, "name", "")]
        if isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if hasattr(target, "id")]
        for name in NAMES.intersection(names):
            if name == "Account":
                methods = (each for each in node.body if hasattr(each, "name"))
                for each in methods:
                    found[f"Account.{each.name}"] = ast.unparse(each)
                del node.body[0]
            found[name] = ast.unparse(node)
    return found


def compare(module):
    own = OWN.get(module.__name__.rpartition(".")[2], set())
    expected = {k: v for k, v in parts(flask_login).items() if k not in own}
    assert {k: v for k, v in parts(module).items() if k not in own} == expected
    assert parts(module).keys() >= NAMES | {"Account.get_id", "Account.renew_token"}


@pytest.mark.parametrize(
    "module",
    [ajax_references, flask_login, production, protected_admin, tenants, login],
)
def test_a_login_is_the_one_of_the_recipe(module):
    compare(module)


def test_a_difference_is_found(tmp_path, monkeypatch):
    source = Path(tenants.__file__).read_text("utf-8")
    assert source.count("return self.token") == 1
    path = tmp_path / "tenants.py"
    path.write_text(source.replace("return self.token", "return str(self.id)"), "utf-8")
    monkeypatch.setattr(tenants, "__file__", str(path))
    with pytest.raises(AssertionError, match="str"):
        compare(tenants)


def test_an_administrator_who_is_created_again_as_none(drive):
    surface = drive(protected_admin.create_app)
    accounts.create(surface, protected_admin)
    accounts.log_in(surface)
    assert accounts.status(surface) == 200
    accounts.create(surface, protected_admin, options=[])
    accounts.log_in(surface)
    assert accounts.status(surface) == 403
