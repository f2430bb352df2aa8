"""The policy lets every script of the admin run, and none that somebody slips in."""

import re
from base64 import b64encode
from hashlib import sha256

import pytest
from bs4 import BeautifulSoup

from snippets.recipes import content_security_policy
from tools.measure.removal import without

PAGES = [
    "/admin/",
    "/admin/author/",
    "/admin/author/new/",
    "/admin/author/edit/?id=1",
    "/admin/author/details/?id=1",
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
    """What a browser blocks on a page under a policy, as text."""
    scripts = policy["script-src"]
    for script in page.select("script"):
        digest = b64encode(sha256(script.get_text().encode()).digest()).decode()
        sources = {f"'nonce-{script.get('nonce')}'", f"'sha256-{digest}'"}
        if not sources & {*scripts}:
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


# Attributes that are blocked without a loss.
NOTHING = {"javascript:void(0)", "return false;"}


def lost(surface, path):
    """What is blocked on a page and has nothing that does it instead."""
    policy, page = read(surface, path)
    loaded = [script.get("src") for script in page.select("script")]
    pattern = names = ""
    if "/admin-handlers.js" in loaded:
        program = surface.get("/admin-handlers.js")
        pattern = re.search(r"/(\^.*\$)/", program)[1]
        names = re.findall(r'=== "(\S+)"', program)
    for text in blocked(policy, page):
        call = re.search(pattern or "$", text)
        if text not in NOTHING and not (pattern and call and call[1] in names):
            yield text


def all_blocked(surface):
    return [text for path in PAGES for text in lost(surface, path)]


def test_nothing_of_the_admin_is_lost(surface):
    assert all_blocked(surface) == []


def test_the_pages_have_what_the_script_knows(surface):
    used = {code for path in PAGES for code in handlers(read(surface, path)[1])}
    assert used == NOTHING | {
        "return faHelpers.safeConfirm('Are you sure you want to delete this record?');",
        "return modelActions.execute('delete');",
        "faForm.addInlineField(this, 'posts');",
    }


def test_what_is_slipped_in_is_blocked(surface):
    for text in [
        "<script>alert(1)</script>",
        "<script src='/static/upload.js'></script>",
        "<script nonce='guessed'>alert(1)</script>",
        "<img src='/admin/x' onerror='alert(1)'>",
        "<img src='/admin/x' onerror=\"return modelActions.execute('delete');\">",
        "<details ontoggle=\"return modelActions.execute('delete');\" open>",
        "<script>return false;</script>",
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


def test_each_form_has_a_token(surface):
    for path in "/admin/author/new/", "/admin/post/new/":
        assert surface.token(path)


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


def test_the_handlers_are_a_script(surface):
    """Browsers run nothing else under ``X-Content-Type-Options: nosniff``."""
    answer = surface.client.get("/admin-handlers.js")
    assert answer.mimetype == "text/javascript"


def test_other_pages_have_no_policy(surface):
    surface.app.add_url_rule("/", view_func=lambda: "<script>alert(1)</script>")
    for path in "/", "/admin-handlers.js":
        assert "Content-Security-Policy" not in surface.client.get(path).headers


def test_the_question_before_a_delete_is_a_handler(surface):
    _, page = read(surface, "/admin/post/")
    button = page.select_one("form.icon[method=POST] button")
    assert button["onclick"].startswith("return faHelpers.safeConfirm(")
    assert "type" not in button.attrs


def test_a_modal_brings_another_nonce(drive, monkeypatch):
    monkeypatch.setattr(content_security_policy.PostView, "edit_modal", True)
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
        ('    extra_js = ["/admin-handlers.js"]\n', "", "execute"),
        ('=== "modelActions.execute"', '=== ""', "execute"),
        ('=== "faHelpers.safeConfirm"', '=== ""', "safeConfirm"),
        ('=== "faForm.addInlineField"', '=== ""', "addInlineField"),
    ],
)
def test_removal(line, replacement, message, drive):
    module = without(content_security_policy, line, replacement)
    with pytest.raises(AssertionError, match=message):
        test_nothing_of_the_admin_is_lost(drive(module.create_app))


@pytest.mark.parametrize(
    ("line", "replacement", "test"),
    [
        (
            "policy.script_src = f\"'nonce-{nonce()}'\"",
            "policy.script_src = f\"'nonce-{nonce()}' 'unsafe-hashes' "
            "'sha256-ftmTNsdfRKq6ZNyHL+p7dI9xRqueDTpseN1IaUUgQW4='\"",
            "test_what_is_slipped_in_is_blocked",
        ),
        (
            'if request.path.startswith("/admin/"):',
            "if True:",
            "test_other_pages_have_no_policy",
        ),
    ],
)
def test_removal_lets_more_through(line, replacement, test, drive):
    module = without(content_security_policy, line, replacement)
    with pytest.raises(AssertionError):
        globals()[test](drive(module.create_app))
