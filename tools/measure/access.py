"""Ask for every route of an admin, as somebody who may not."""

from sqlalchemy import text

from tools.measure.surface import require

ATTACK = {
    "id": 1,
    "rowid": ["1"],
    "action": "delete",
    "list_form_pk": 1,
    "title": "Taken over",
    "name": "Taken over",
}
# Addresses that a login form could be made to lead to.
ELSEWHERE = [
    "https://elsewhere.example/",
    "//elsewhere.example/",
    "///elsewhere.example/",
    "/\\elsewhere.example/",
    "/\t/elsewhere.example/",
    "\\\\elsewhere.example/",
    "https:elsewhere.example",
    "http:/elsewhere.example",
    "javascript:alert(1)",
]


def routes(app, view="post"):
    """Every route under /admin but the static files, with each of its methods."""
    found = {
        (method, rule.rule.replace("<export_type>", "csv"))
        for rule in app.url_map.iter_rules()
        for method in rule.methods & {"GET", "POST"}
        if rule.rule.startswith("/admin/") and not rule.endpoint.endswith(".static")
    }
    expected = {
        ("GET", "/admin/"),
        ("GET", f"/admin/{view}/"),
        ("GET", f"/admin/{view}/details/"),
        ("GET", f"/admin/{view}/export/csv/"),
        ("GET", f"/admin/{view}/ajax/lookup/"),
        ("POST", f"/admin/{view}/new/"),
        ("POST", f"/admin/{view}/edit/"),
        ("POST", f"/admin/{view}/delete/"),
        ("POST", f"/admin/{view}/action/"),
        ("POST", f"/admin/{view}/ajax/update/"),
    }
    require(found >= expected, f"no route: {sorted(expected - found)}")
    return sorted(found)


def visit(surface, method, path, token):
    query = {"id": 1, "name": "author", "query": ""}
    data = ATTACK | {"csrf_token": token} if method == "POST" else None
    return surface.client.open(path, method=method, query_string=query, data=data)


def posts(surface):
    with surface.elsewhere() as session:
        return session.execute(text("SELECT id, title FROM post ORDER BY id")).all()
