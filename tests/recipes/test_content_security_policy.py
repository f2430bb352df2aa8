"""The policy lets every script of the admin run, and none that somebody slips in."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest
from bs4 import BeautifulSoup

from snippets.models import User
from snippets.recipes import content_security_policy
from snippets.views import PostView
from tools.measure.removal import without

PAGES = [
    "/admin/",
    "/admin/user/",
    "/admin/user/new/",
    "/admin/user/edit/?id=2",
    "/admin/user/details/?id=2",
    "/admin/post/",
    "/admin/post/?search=nothing",
    "/admin/post/new/",
    "/admin/post/edit/?id=1",
    "/admin/post/details/?id=1",
]


def read(surface, path):
    """The policy of a page, as lists of sources, and the elements of the page."""
    answer = surface.client.get(path)
    assert answer.status_code == 200
    header = answer.headers.get("Content-Security-Policy")
    assert header, "no policy"
    policy = {part.split()[0]: part.split()[1:] for part in header.split("; ")}
    page = BeautifulSoup(answer.text, "html.parser")
    # What the scripts insert when somebody adds an inline row.
    for template in page.select(".inline-field-template"):
        page.append(BeautifulSoup(template.get_text(), "html.parser"))
    return policy, page


def handlers(page):
    """The code in the attributes of the elements: onclick="" and the like."""
    for element in page.find_all(True):
        for name, value in element.attrs.items():
            if name.startswith("on") or str(value).startswith("javascript:"):
                yield value


def blocked(policy, page):
    """What a browser refuses on a page under a policy, as text."""
    scripts = policy["script-src"]
    for script in page.select("script"):
        if f"'nonce-{script.get('nonce')}'" not in scripts:
            yield str(script)
    for code in handlers(page):
        digest = b64encode(sha256(code.encode()).digest()).decode()
        if not {"'unsafe-hashes'", f"'sha256-{digest}'"} <= set(scripts):
            yield code
    yield from map(str, page.select("style, [style], object, embed, base, iframe"))
    for element in page.select("link[href], img[src], form[action]"):
        address = element.get("href") or element.get("src") or element.get("action")
        if address and not address.startswith("/admin/"):
            yield str(element)


def all_blocked(surface):
    return [text for path in PAGES for text in blocked(*read(surface, path))]


def test_nothing_of_the_admin_is_blocked(surface):
    assert all_blocked(surface) == []


def test_the_configuration_is_used(surface):
    with surface.elsewhere() as session:
        assert session.get(User, 1).name == "Ada"
    config = {"SQLALCHEMY_ENGINES": {"default": surface.url}}
    client = content_security_policy.create_app(config).test_client()
    assert client.get("/admin/post/").status_code == 200


def test_the_policy_names_nothing_that_is_not_used(surface):
    used = {code for path in PAGES for code in handlers(read(surface, path)[1])}
    assert used == set(content_security_policy.HANDLERS)


def test_what_is_slipped_in_is_blocked(surface):
    for text in [
        "<script>alert(1)</script>",
        "<script src='/static/upload.js'></script>",
        "<script nonce='guessed'>alert(1)</script>",
        "<img src='/admin/x' onerror='alert(1)'>",
        "<a href='javascript:alert(1)'>x</a>",
        "<form action='https://elsewhere.example/'></form>",
        "<base href='https://elsewhere.example/'>",
    ]:
        policy, _ = read(surface, "/admin/post/")
        assert len(list(blocked(policy, BeautifulSoup(text, "html.parser")))) == 1
        assert not any("'unsafe-inline'" in source for source in policy.values())
    assert policy["default-src"] == policy["style-src"] == ["'self'"]
    assert policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    assert policy["form-action"] == ["'self'"]


def test_each_request_has_its_own_nonce(surface):
    nonces = {
        script["nonce"]
        for _ in range(2)
        for script in read(surface, "/admin/post/")[1].select("script")
    }
    assert [len(nonce) for nonce in nonces] == [43, 43]


def test_the_style_sheets_load_nothing_from_elsewhere(surface):
    policy, page = read(surface, "/admin/post/")
    found = {
        address.strip("'\"").partition(":")[0]
        for link in page.select("link[rel=stylesheet]")
        for address in re.findall(
            r"url\(([^)]+)\)", surface.client.get(link["href"]).text
        )
        if ":" in address
    }
    assert found == {"data"}
    assert policy["img-src"] == ["'self'", "data:"]


def test_the_question_before_a_delete_is_a_handler(surface):
    _, page = read(surface, "/admin/post/")
    button = page.select_one("form.icon[method=POST] button")
    assert button["onclick"] in content_security_policy.HANDLERS
    assert "type" not in button.attrs


def test_a_modal_brings_another_nonce(drive, monkeypatch):
    monkeypatch.setattr(PostView, "edit_modal", True)
    surface = drive(content_security_policy.create_app)
    policy, _ = read(surface, "/admin/post/")
    _, modal = read(surface, "/admin/post/edit/?id=1&modal=True")
    assert any("<script" in text for text in blocked(policy, modal))


@pytest.mark.parametrize(
    ("line", "replacement", "message"),
    [
        (", csp_nonce_generator=nonce", "", "<script"),
        ('if "nonce" not in g:', "if True:", "<script"),
        ("app.after_request(add_policy)", "", "no policy"),
        ("\"'unsafe-hashes'\", ", "", "javascript:void"),
        ('    "javascript:void(0)",\n', "", r"javascript:void\(0\)"),
        ('    "return false;",\n', "", "return false;"),
        ("modelActions.execute('delete')", "", "execute"),
        ("Are you sure you want to delete this record?", "", "safeConfirm"),
        ("    \"faForm.addInlineField(this, 'posts');\",\n", "", "addInlineField"),
    ],
)
def test_removal(line, replacement, message, drive):
    module = without(content_security_policy, line, replacement)
    with pytest.raises(AssertionError, match=message):
        test_nothing_of_the_admin_is_blocked(drive(module.create_app))
