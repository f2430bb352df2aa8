""" "Try it here", in a real browser over the built site, under a path prefix."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from playwright.sync_api import expect

from tools.paths import HOSTED
from tools.publish.browser import Handler

# The first start of a busy machine.
PATIENCE = 60_000
# A failure is told within 3 seconds.
PROMPT = 3000
BUTTONS = [
    (path.relative_to(HOSTED).as_posix(), box["data-module"], box["data-factory"])
    for path in sorted(HOSTED.rglob("*.html"))
    for box in BeautifulSoup(path.read_bytes(), "html.parser").select(".live")
]
if not BUTTONS:
    pytest.fail("no button in the site: nox -s build -- live, first", pytrace=False)
HANDED_OVER = "TypeError: Passing a session object directly is not supported"
OUTSIDE = "RuntimeError: Working outside of application context."
# What these raise is what their pages are about.
RAISE = {
    ("problem", "create_app"): OUTSIDE,
    ("problem", "create_app_session_in_context"): HANDED_OVER,
    ("problem", "create_app_db"): OUTSIDE,
    ("published.custom_modelview", "create_app"): HANDED_OVER,
    ("published.lazy_session", "create_app"): HANDED_OVER,
    ("published.scoped_session", "create_app"): OUTSIDE,
    ("published.session_factory", "create_app"): HANDED_OVER,
}
# These have no form, and show this.
LIST_ONLY = {
    "recipes.read_only": "A first post",
    "tutorial.first_page": "There are no items in the table.",
}
LIVELY = "workarounds/lazy-session.html", "workarounds.lazy_session", "create_app"
LEAKY = (
    "workarounds/scoped-session.html",
    "published.scoped_session",
    "create_app_in_context",
)
THREE = [
    LIVELY,
    ("workarounds/app-context.html", "workarounds.app_context", "create_app"),
    ("workarounds/flask-sqlalchemy.html", "workarounds.flask_sqlalchemy", "create_app"),
]


@pytest.fixture
def try_it(open_page):
    """Press a button of a page; return the page, the box and the frame."""

    def try_it(name, module, factory, **options):
        page = open_page(name, **options)
        box = page.locator(f"[data-module='{module}'][data-factory='{factory}']").first
        # A tab or a fold that is closed.
        box.evaluate(
            """box => {
              box.closest("details")?.setAttribute("open", "");
              box.closest(".tab-content")?.previousElementSibling.click();
            }"""
        )
        box.get_by_role("button", name="Try it here").click()
        return page, box, box.frame_locator("iframe")

    return try_it


def runs(box):
    expect(box.get_by_role("status")).to_have_text("It runs.", timeout=PATIENCE)


def go(frame, view):
    """Follow a link of the menu, which a narrow frame folds."""
    toggler = frame.locator(".navbar-toggler")
    # Without its script a click on it does nothing.
    toggler.evaluate(
        """() => document.readyState === "complete"
             || new Promise(done => addEventListener("load", done))""",
        timeout=PATIENCE,
    )
    toggler.click()
    frame.get_by_role("link", name=view, exact=True).click()
    frame.get_by_role("heading", name=view).wait_for(timeout=PATIENCE)


def fill_in(frame, text):
    """Open the form of the shown view and fill in what it requires."""
    frame.get_by_role("link", name="Create").click(timeout=PATIENCE)
    frame.locator("form.admin-form").wait_for(timeout=PATIENCE)
    for field in frame.locator("form.admin-form [required]:visible").all():
        kind = field.get_attribute("type")
        field.fill("7" if kind == "number" else text)
    for label in frame.locator("label:has(strong)").all():
        name = label.get_attribute("for")
        choice = frame.locator(f"#s2id_{name} .select2-choice")
        if name and choice.count():
            choice.click()
            frame.locator(".select2-drop-active .select2-input:visible").fill("a")
            frame.locator(".select2-result-selectable").first.click(timeout=PATIENCE)


def save(frame):
    frame.locator("input[type=submit][value=Save]").click()


def create(frame, text):
    fill_in(frame, text)
    save(frame)


def row(frame, text):
    return frame.locator(".model-list tbody tr").filter(has_text=text)


@pytest.mark.parametrize(("name", "module", "factory"), BUTTONS)
def test_it_runs_lists_and_creates(name, module, factory, try_it):
    page, box, frame = try_it(name, module, factory)
    if error := RAISE.get((module, factory)):
        status = box.get_by_role("status")
        expect(status).to_contain_text(error, timeout=PATIENCE)
        trace = box.get_by_role("region", name="Traceback")
        expect(trace).to_contain_text(f", in {factory}\n")
        expect(trace).to_contain_text(error)
        expect(box.locator("iframe")).to_be_hidden()
        return
    runs(box)
    if text := LIST_ONLY.get(module):
        expect(row(frame, text)).to_be_visible(timeout=PATIENCE)
        expect(frame.get_by_role("link", name="Create")).to_have_count(0)
    else:
        create(frame, "made-here")
        expect(row(frame, "made-here").first).to_be_visible(timeout=PATIENCE)
    assert page.abroad == []


# The program with a view for each kind of relation.
@pytest.mark.parametrize(("name", "module", "factory"), [LIVELY])
def test_it_is_the_real_admin(name, module, factory, try_it):
    page, box, frame = try_it(name, module, factory)
    runs(box)
    page.on("dialog", lambda dialog: dialog.accept())
    go(frame, "Tag")
    create(frame, "mine")
    expect(row(frame, "mine")).to_be_visible(timeout=PATIENCE)

    create(frame, "mine")
    expect(frame.get_by_text("Already exists")).to_be_visible(timeout=PATIENCE)

    frame.get_by_role("link", name="List").click()
    row(frame, "mine").get_by_title("Delete record").click(timeout=PATIENCE)
    deleted = frame.get_by_text("successfully deleted")
    expect(deleted).to_be_visible(timeout=PATIENCE)
    expect(row(frame, "mine")).to_have_count(0)

    go(frame, "Post")
    row(frame, "A compiler").get_by_role("link", name="A compiler").click()
    frame.locator(".editable-input input").fill("The compiler")
    frame.locator(".editable-submit").click()
    link = row(frame, "The compiler").get_by_role("link", name="The compiler")
    expect(link).to_be_visible(timeout=PATIENCE)

    page.evaluate("history.back()")
    expect(frame.get_by_role("heading", name="Tag")).to_be_visible(timeout=PATIENCE)

    _, other, twin = try_it(name, module, factory)
    runs(other)
    go(twin, "Post")
    expect(row(twin, "A compiler")).to_be_visible(timeout=PATIENCE)


@pytest.mark.parametrize(("name", "module", "factory"), THREE)
def test_edit_run_again_and_reset(name, module, factory, try_it):
    _, box, frame = try_it(name, module, factory)
    runs(box)
    box.get_by_text("Edit the code").click()
    code = box.get_by_role("textbox", name="Code")
    original = code.input_value()
    assert f"\ndef {factory}(" in original
    edited = original.replace(
        "    admin = Admin(app", "    oops\n    admin = Admin(app"
    )
    code.fill(edited)
    box.get_by_role("button", name="Run again").click()
    status, trace = (
        box.get_by_role("status"),
        box.get_by_role("region", name="Traceback"),
    )
    expect(status).to_have_text("It raised NameError: name 'oops' is not defined")
    expect(trace).to_contain_text("    oops\nNameError")
    code.fill("def")
    box.get_by_role("button", name="Run again").click()
    expect(trace).to_contain_text("SyntaxError: invalid syntax")
    # A run that does not end is ended by the next one.
    code.fill(edited.replace("oops", "while True: pass"))
    box.get_by_role("button", name="Run again").click()
    expect(status).to_have_text("Starting the application")
    code.fill(original.replace("Admin(app", "Admin(app, name='Edited'"))
    box.get_by_role("button", name="Run again").click()
    runs(box)
    expect(frame.get_by_text("Edited").first).to_be_attached(timeout=PATIENCE)
    box.get_by_role("button", name="Reset").click()
    expect(code).to_have_value(original, timeout=PATIENCE)
    expect(frame.get_by_text("Edited")).to_have_count(0, timeout=PATIENCE)
    expect(frame.locator(".model-list")).to_be_visible(timeout=PATIENCE)


def test_an_error_while_it_runs_is_shown(try_it):
    _, box, _ = try_it(*LIVELY)
    runs(box)
    box.get_by_text("Edit the code").click()
    code = box.get_by_role("textbox", name="Code")
    code.fill(
        code.input_value().replace(
            "return getattr(self._get_current_object(), name)", "1 / 0"
        )
    )
    box.get_by_role("button", name="Run again").click()
    trace = box.get_by_role("region", name="Traceback")
    expect(trace).to_contain_text("ZeroDivisionError", timeout=PATIENCE)


def log(box, count):
    """The first ``count`` requests as lists of the cells."""
    expect(box.locator("tbody tr")).to_have_count(count, timeout=PATIENCE)
    return [
        re.split(r"\t", line) for line in box.locator("tbody").inner_text().splitlines()
    ]


@pytest.mark.parametrize(
    ("place", "sessions", "kept"), [(LIVELY, "1 2", "0 0"), (LEAKY, "1 1", "1 1")]
)
def test_the_log_shows_what_leaks(place, sessions, kept, try_it):
    _, box, frame = try_it(*place)
    runs(box)
    box.get_by_text("Requests").click()
    log(box, 1)
    go(frame, "User")
    found = log(box, 2)
    assert [cells[:3] for cells in found] == [["GET", "/admin/user/", "200"]] * 2
    assert " ".join(cells[4] for cells in found) == sessions
    assert " ".join(cells[5] for cells in found) == kept


def test_only_one_runs_at_a_time(try_it):
    page, box, _ = try_it("problem.html", "problem", "create_app")
    expect(box.get_by_role("status")).to_contain_text(OUTSIDE, timeout=PATIENCE)
    other = page.locator(".live").nth(1)
    other.get_by_role("button").click()
    expect(box.get_by_role("status")).to_have_text("Stopped: another one was started.")
    other.get_by_role("button", name="Stop").click()
    expect(other.get_by_role("status")).to_have_text("Stopped.")


def test_a_closed_page_says_so(try_it):
    page, box, _ = try_it(*LIVELY)
    runs(box)
    address = box.locator("iframe").get_attribute("src")
    other = page.context.new_page()
    other.goto(address)
    expect(other.get_by_role("link", name="List")).to_be_visible(timeout=PATIENCE)
    page.close()
    other.goto(address)
    expect(other.locator("body")).to_contain_text("is closed", timeout=PATIENCE)


def test_nothing_is_loaded_before_the_click(open_page, site):
    page = open_page("index.html")
    asked = []
    page.on("request", lambda request: asked.append(request.url.split("?")[0]))
    page.goto(f"{site}/{LIVELY[0]}", wait_until="networkidle")
    live = [url.partition("/_static/live/")[2] for url in asked if "/live/" in url]
    assert sorted(live) == ["live.css", "live.js"]
    assert sum((HOSTED / "_static/live" / name).stat().st_size for name in live) < 4096


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible_and_works_by_keyboard(scheme, open_page):
    page = open_page(LIVELY[0], scheme=scheme)
    # Firefox cannot be told the scheme; the switch of the page can.
    page.evaluate(
        """scheme => {
          if (!matchMedia(`(prefers-color-scheme: ${scheme})`).matches)
            document.body.dataset.theme = scheme;
        }""",
        scheme,
    )
    box = page.locator(".live").first
    box.get_by_role("button").focus()
    page.keyboard.press("Enter")
    runs(box)
    assert box.get_by_role("button", name="Stop").evaluate(
        "button => button === document.activeElement"
    )
    expect(box.locator("iframe")).to_have_attribute("title", re.compile("running in"))
    for name in ["Edit the code", "Requests"]:
        box.get_by_text(name).click()
    # Not what is in the frame: that is Flask-Admin's.
    found = Axe().run(page, {"include": [[".live"]]}, {"iframes": False}).response
    assert found["violations"] == []
    inverted = box.locator("iframe").evaluate("e => getComputedStyle(e).filter")
    assert (inverted != "none") == (scheme == "dark")
    page.set_viewport_size({"width": 320, "height": 800})
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 320
    box.get_by_role("button", name="Stop").focus()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "IFRAME"


def fails(box, text):
    status = box.get_by_role("status")
    expect(status).to_contain_text(text, timeout=PROMPT)
    link = status.get_by_role("link", name="Run it on your own machine")
    assert link.evaluate("link => link.href").endswith("/verify.html")
    expect(box.get_by_role("button", name="Try it here")).to_be_visible()


@pytest.mark.parametrize(
    "lacking",
    [
        "delete Navigator.prototype.serviceWorker",
        "delete self.DecompressionStream",
        "delete self.WebAssembly",
        "navigator.serviceWorker.register = () => Promise.reject(new DOMException())",
        "navigator.serviceWorker.register = () => new Promise(() => {})",
    ],
)
def test_what_a_browser_lacks_is_told(lacking, open_page, site):
    page = open_page("index.html")
    page.add_init_script(lacking)
    page.goto(f"{site}/{LIVELY[0]}")
    box = page.locator(".live").first
    box.get_by_role("button").click()
    fails(box, "Your browser does not allow this here")


def test_offline_is_told_and_can_be_tried_again(open_page):
    page = open_page(LIVELY[0])
    box = page.locator(".live").first
    page.context.set_offline(True)
    box.get_by_role("button").click()
    fails(box, "could not be loaded")
    page.context.set_offline(False)
    box.get_by_role("button").click()
    runs(box)


@pytest.mark.parametrize("name", ["worker.js", "site.zip.bin"])
def test_a_download_that_fails_is_told(name, open_page):
    page = open_page(LIVELY[0])
    page.context.route(f"**/{name}", lambda route: route.abort())
    box = page.locator(".live").first
    box.get_by_role("button").click()
    expect(box.get_by_role("status")).to_contain_text(
        "are you offline", timeout=PATIENCE
    )
    fails(box, "The download failed")


# Furo's two scripts in the page are what needs 'unsafe-inline'.
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval';"
    " style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self';"
    " worker-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'"
)


@pytest.fixture
def policy(monkeypatch):
    """Serve each file with a content security policy."""

    def use(text):
        end_headers = Handler.end_headers

        def with_policy(self):
            self.send_header("Content-Security-Policy", text)
            end_headers(self)

        monkeypatch.setattr(Handler, "end_headers", with_policy)

    return use


def test_it_runs_under_a_strict_policy(policy, try_it):
    policy(POLICY)
    _, box, frame = try_it(*LIVELY)
    runs(box)
    go(frame, "Tag")
    create(frame, "strict")
    expect(row(frame, "strict")).to_be_visible(timeout=PATIENCE)


def test_a_policy_without_webassembly_is_told(policy, open_page):
    policy(POLICY.replace(" 'wasm-unsafe-eval'", ""))
    page = open_page(LIVELY[0])
    box = page.locator(".live").first
    box.get_by_role("button").click()
    fails(box, "Your browser does not allow this here")


def test_a_page_in_the_frame_reaches_no_other_host(try_it):
    page, box, frame = try_it(*LIVELY)
    runs(box)
    frame.locator(".model-list").wait_for(timeout=PATIENCE)
    inner = next(found for found in page.frames if "/live/app/" in found.url)
    told = inner.evaluate("fetch('http://127.0.0.1:9/').catch(error => error.message)")
    assert "fetch" in told
    assert inner.evaluate(
        """new Promise(done => {
          document.addEventListener("securitypolicyviolation", e => done(e.blockedURI));
          fetch("http://127.0.0.1:9/").catch(() => {});
        })"""
    ).startswith("http://127.0.0.1:9")
