"""Create, edit and delete, and nothing of it without the token of a page."""

import pytest

from snippets.tutorial import forms
from tools.measure.removal import without
from tools.measure.surface import alerts

MEMORY = {"SQLALCHEMY_ENGINES": {"default": "sqlite://"}}


def create(surface, name):
    return surface.submit("/admin/author/new/", {"name": name})


def test_create_edit_delete(surface):
    assert "Record was successfully created." in alerts(create(surface, "Ada"))
    page = surface.submit("/admin/author/edit/", {"name": "Ada L."}, id=1)
    assert "Record was successfully saved." in alerts(page)
    assert surface.rows("/admin/author/")[0].endswith("Ada L.")
    page = surface.delete("/admin/author/", 1)
    assert "Record was successfully deleted." in alerts(page)
    assert surface.rows("/admin/author/") == []
    assert surface.pool.checkedout() == 0


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("new/", {"name": "Eve"}),
        ("edit/?id=1", {"name": "Eve"}),
        ("delete/", {"id": 1}),
        ("action/", {"action": "delete", "rowid": [1]}),
    ],
)
@pytest.mark.parametrize("token", [{}, {"csrf_token": "made up"}])
def test_without_the_token(path, data, token, surface):
    create(surface, "Ada")
    surface.send("POST", f"/admin/author/{path}", data=data | token)
    names = [row.split()[-1] for row in surface.rows("/admin/author/")]
    assert names == ["Ada"]


def test_the_key(monkeypatch):
    monkeypatch.delenv("SECRET_KEY", raising=False)
    first, second = (forms.create_app(MEMORY).secret_key for _ in range(2))
    assert len(first) == 64
    assert first != second
    monkeypatch.setenv("SECRET_KEY", first)
    assert forms.create_app(MEMORY).secret_key == first


def test_a_form_from_before_a_restart(surface):
    token = surface.token("/admin/author/new/")
    cookie = surface.client.get_cookie("session").value
    engines = {"SQLALCHEMY_ENGINES": {"default": surface.url}}
    for key, rows in ("another", 0), (surface.app.secret_key, 1):
        client = forms.create_app(engines | {"SECRET_KEY": key}).test_client()
        client.set_cookie("session", cookie)
        client.post("/admin/author/new/", data={"name": "Ada", "csrf_token": token})
        assert len(surface.rows("/admin/author/")) == rows


def test_without_a_key():
    app = forms.create_app(MEMORY | {"SECRET_KEY": None, "TESTING": True})
    with pytest.raises(RuntimeError, match="no secret key was set"):
        app.test_client().get("/admin/author/new/")


def test_without_secure_form(drive):
    module = without(forms, "form_base_class = SecureForm", "pass")
    surface = drive(module.create_app)
    surface.send("POST", "/admin/author/new/", data={"name": "Eve"})
    assert surface.rows("/admin/author/")[0].endswith("Eve")
    with pytest.raises(TypeError, match="'NoneType' object is not subscriptable"):
        test_create_edit_delete(surface)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("new/", {"name": "Eve"}),
        ("edit/?id=1", {"name": "Eve"}),
        ("delete/", {"id": 1}),
    ],
)
def test_removal(path, data, drive):
    module = without(forms, "form_base_class = SecureForm", "pass")
    with pytest.raises(AssertionError, match=r" == \['Ada'\]"):
        test_without_the_token(path, data, {}, drive(module.create_app))
