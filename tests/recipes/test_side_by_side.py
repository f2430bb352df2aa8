"""Old and new code share a session; registering both libraries does not."""

import flask_sqlalchemy
import pytest
from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.exc import InvalidRequestError, OperationalError

from snippets.recipes import side_by_side
from snippets.recipes.side_by_side import Book, ProxySQLAlchemy, Shelf, old
from snippets.recipes.side_by_side import db as new
from tools.measure.removal import without
from tools.measure.surface import Failure, alerts

LITE, FULL = ProxySQLAlchemy, flask_sqlalchemy.SQLAlchemy
NOT_REGISTERED = "^The current Flask app is not registered with this 'SQLAlchemy' inst"


OUTSIDE = r"^Working outside of application context\."


def shelf(surface):
    query = (
        "SELECT name, title FROM side_by_side_shelf AS shelf "
        "LEFT JOIN side_by_side_book ON shelf_id = shelf.id ORDER BY shelf.id"
    )
    with surface.elsewhere() as session:
        return [tuple(row) for row in session.execute(text(query))]


def test_views_of_both_kinds_of_models(surface):
    surface.submit("/admin/shelf/new/", {"name": "Second"})
    page = surface.submit("/admin/book/new/", {"title": "Cobol", "shelf": "2"})
    assert "Record was successfully created." in alerts(page)
    surface.submit("/admin/shelf/edit/", {"name": "Top"}, id=1)
    assert shelf(surface) == [("Top", "Notes"), ("Second", "Cobol")]
    surface.delete("/admin/shelf/", 2)
    assert shelf(surface) == [("Top", "Notes")]


def test_a_view_may_use_either_name(drive):
    line = "BookView(Book, db.session)"
    module = without(side_by_side, line, line.replace("db.", "old."))
    test_views_of_both_kinds_of_models(drive(module.create_app))


@pytest.mark.parametrize("finish", ["commit", "rollback"])
@pytest.mark.parametrize("db", [old, new])
def test_one_transaction(surface, db, finish):
    @surface.app.post("/mixed")
    def mixed():
        new.session.add(second := Shelf(name="Second"))
        old.session.add(Book(title="Cobol", shelf=second))
        assert Book.query.filter_by(title="Cobol").one().shelf is second
        getattr(db.session, finish)()
        return ""

    surface.send("POST", "/mixed")
    kept = [("Second", "Cobol")] if finish == "commit" else []
    assert shelf(surface) == [("First", "Notes"), *kept]


def test_a_hook_with_old_code_is_undone_with_the_row(surface):
    def refuse(form, model, is_created):
        old.session.add(Book(title="Untitled", shelf=model))
        old.session.flush()
        raise ValueError("no more shelves")

    views = surface.app.extensions["admin"][0]._views
    view = next(view for view in views if view.name == "Shelf")
    view.on_model_change = refuse
    page = surface.submit("/admin/shelf/new/", {"name": "Second"})
    assert "no more shelves" in alerts(page)
    assert shelf(surface) == [("First", "Notes")]


def test_what_old_code_may_go_on_using(surface):
    @surface.app.get("/old/<int:id>")
    def old_code(id):
        book = old.get_or_404(Book, id)
        assert Book.query.filter_by(id=id).first_or_404() is book
        assert old.paginate(old.select(Book)).total == 1
        assert Book.query.paginate().items == [book]
        assert not hasattr(old.session.query(Book), "paginate")
        return book.title

    assert surface.get("/old/1") == "Notes"
    with pytest.raises(Failure, match="404"):
        surface.get("/old/2")


def test_requests_have_a_session_each(surface):
    """Both names mean it, and its connection goes back."""
    seen = []

    @surface.app.get("/sessions")
    def sessions():
        seen.append((new.get_session(), old.session(), new.session.connection()))
        return ""

    surface.get("/sessions")
    surface.get("/sessions")
    (first, *same), (second, *_) = seen
    assert same[0] is first is not second
    assert surface.pool.checkedout() == 0


def test_a_form_without_its_token_changes_nothing(surface):
    surface.send("POST", "/admin/shelf/new/", data={"name": "Forged"})
    data = {"title": "Forged", "shelf": "1"}
    surface.send("POST", "/admin/book/edit/?id=1", data=data)
    assert shelf(surface) == [("First", "Notes")]


@pytest.mark.parametrize("use", [lambda: old.engine, lambda: old.create_all()])
def test_what_it_may_not(surface, use):
    with surface.app.app_context(), pytest.raises(RuntimeError, match=NOT_REGISTERED):
        use()


def test_a_bind_key_is_ignored(drive):
    module = without(side_by_side, "# region models\n")  # A copy, to add a model to.

    class Visit(module.old.Model):
        __bind_key__ = "log"
        id = module.old.Column(module.old.Integer, primary_key=True)

    with drive(module.create_app).app.app_context():
        assert module.db.session.get_bind(Visit) is module.db.engine
        assert not inspect(module.db.engine).has_table("visit")


def new_app(tmp_path):
    url = f"sqlite:///{tmp_path}/both.db"
    app = Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINES"] = {"default": url}
    # Not to wait for a lock that the same request holds.
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"connect_args": {"timeout": 0}}
    return app


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        (FULL, LITE, "A 'SQLAlchemy' extension is already initialized on this app."),
        (LITE, FULL, "A 'SQLAlchemy' instance has already been registered on this"),
    ],
)
def test_the_second_one_is_refused(tmp_path, first, second, message):
    app = new_app(tmp_path)
    first(app)
    with pytest.raises(RuntimeError, match=message):
        second(app)


def test_registering_both_gives_two_transactions(tmp_path):
    app = new_app(tmp_path)
    old, new = side_by_side.init_both(app)
    with app.app_context():
        assert old.engine.pool is not new.engine.pool
        with new.engine.begin() as connection:
            connection.execute(text("CREATE TABLE note (id INTEGER PRIMARY KEY)"))

    add = text("INSERT INTO note DEFAULT VALUES")
    count = text("SELECT count(*) FROM note")

    @app.get("/")
    def index():
        new.session.execute(add)
        seen = [db.session.scalar(count) for db in (new, old)]
        held = [db.engine.pool.checkedout() for db in (new, old)]
        with pytest.raises(OperationalError, match="database is locked"):
            old.session.execute(add)
        old.session.rollback()
        new.session.commit()
        return [seen, held, old.session.scalar(count)]

    client = app.test_client()
    assert client.get("/").json == [[1, 0], [1, 1], 1]
    with app.app_context():
        assert [db.engine.pool.checkedout() for db in (new, old)] == [0, 0]
        assert app.make_shell_context()["db"] is new


@pytest.mark.parametrize(
    ("line", "replacement", "error", "message"),
    [
        ("old.session = db.session", "", RuntimeError, NOT_REGISTERED),
        ("metadata=Base.metadata", "", InvalidRequestError, "could not find table"),
        ("db = ProxySQLAlchemy()", "db = SQLAlchemy()", RuntimeError, OUTSIDE),
    ],
)
def test_removal(line, replacement, error, message, drive):
    module = without(side_by_side, line, replacement)
    with pytest.raises(error, match=message):
        drive(module.create_app)


@pytest.mark.parametrize(
    ("line", "replacement", "error", "message"),
    [
        ("extensions.pop(", "extensions.get(", RuntimeError, "already initialized"),
        (", add_models_to_shell=False", "", AttributeError, "no attribute 'Model'"),
    ],
)
def test_removal_of_what_keeps_both_apart(line, replacement, error, message, tmp_path):
    def open_shell(app):
        module.init_both(app)
        with app.app_context():
            app.make_shell_context()

    module = without(side_by_side, line, replacement)
    with pytest.raises(error, match=message):
        open_shell(new_app(tmp_path))


@pytest.mark.parametrize("view", ["ShelfView", "BookView"])
def test_removal_of_the_form_class(view, drive):
    line = f"class {view}(ModelView):\n    form_base_class = SecureForm\n"
    module = without(side_by_side, line, f"class {view}(ModelView):\n")
    with pytest.raises(AssertionError, match="Forged"):
        test_a_form_without_its_token_changes_nothing(drive(module.create_app))
