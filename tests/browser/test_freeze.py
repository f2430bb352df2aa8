"""What the box of the start page answers to the output of pip freeze."""

import pytest

LITE = "flask-sqlalchemy-lite==0.2.1\nflask==3.1.3\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{LITE}flask-admin==2.0.2", ["✓ Flask-Admin 2.0.2"]),
        (f"{LITE}flask-admin==2.2.1", ["✗ 2.2.1 imports", "✓ After that"]),
        (
            f"{LITE}Flask_Admin==1.6.1\nWTForms==3.3.2\nsetuptools==80.0.0",
            ['pip install "wtforms<3.1"', "✓ After that"],
        ),
        ("flask-admin==2.2.1\nflask-sqlalchemy==3.1.1", ["keep it"]),
        ("flask-admin==2.2.1", ["neither Flask-SQLAlchemy-Lite nor"]),
        (f"{LITE}flask-admin==99.1", ["was not measured"]),
        ("Package Version\nFlask-Admin 2.0.2\nFlask-SQLAlchemy-Lite 0.2.1", ["✓"]),
        ("no freeze at all", ["No line names flask-admin"]),
    ],
)
def test_an_environment(open_page, text, said):
    page = open_page("index.html")
    page.fill("#freeze", text)
    lines = page.locator(".freeze li").all_inner_texts()
    for line, part in zip(lines, said, strict=True):
        assert part in line
