"""The same application over Flask-SQLAlchemy-Lite, after the move.

.. testcode::

    from snippets.move.after import create_app

    client = create_app("sqlite://", "sqlite://").test_client()
    print(client.get("/users/1").json, client.get("/users/9").status)

.. testoutput::

    {'name': 'Ada', 'posts': ['Engine']} 404 NOT FOUND
"""

from flask import Flask, abort, g, request
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import ForeignKey, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


# region models
class Base(DeclarativeBase):
    pass


class BlogPost(Base):
    __tablename__ = "blog_post"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    author: Mapped["User"] = relationship(back_populates="posts")


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    posts: Mapped[list[BlogPost]] = relationship(back_populates="author")


# endregion models


# region binds
class LogBase(DeclarativeBase):
    pass


class Visit(LogBase):
    __tablename__ = "visit"
    id: Mapped[int] = mapped_column(primary_key=True)


# endregion binds


# region session
def new_db():
    return SQLAlchemy(session_options={"binds": {LogBase: "log"}})


# endregion session


def create_app(url="sqlite:///after.db", log_url="sqlite:///after-log.db"):
    app = Flask(__name__)
    db = new_db()
    # region config
    app.config["SQLALCHEMY_ENGINES"] = {
        "default": {"url": url, "pool_pre_ping": True},
        "log": {"url": log_url, "pool_pre_ping": True},
    }
    db.init_app(app)
    # endregion config
    # region create_all
    with app.app_context():
        Base.metadata.create_all(db.engine)
        LogBase.metadata.create_all(db.get_engine("log"))
        # endregion create_all
        if db.session.scalar(select(User).limit(1)) is None:
            db.session.add(User(name="Ada", posts=[BlogPost(title="Engine")]))
            db.session.add_all([User(name=name) for name in ("Grace", "Alan")])
            db.session.add(Visit())
            db.session.commit()

    # region get
    @app.get("/users/<int:id>")
    def user(id):
        found = db.get_or_abort(User, id)
        return {"name": found.name, "posts": [post.title for post in found.posts]}

    # endregion get

    # region first
    @app.get("/users/named/<name>")
    def named(name):
        statement = select(User).filter_by(name=name).limit(1)
        found = db.session.scalar(statement) or abort(404)
        return {"id": found.id}

    # endregion first

    # region paginate
    @app.get("/users")
    def users():
        page, size = request.args.get("page", "1"), 2
        if not page.isdecimal() or int(page) < 1:
            abort(404)
        statement = select(User).order_by(User.id)
        # One row more than the page tells whether there is a next one.
        rows = db.session.scalars(
            statement.limit(size + 1).offset((int(page) - 1) * size)
        ).all()
        if not rows and page != "1":
            abort(404)
        return {"names": [user.name for user in rows[:size]], "more": len(rows) > size}

    # endregion paginate

    # region queries
    def record(connection, cursor, statement, *arguments):
        if g:
            g.setdefault("queries", []).append(statement)

    with app.app_context():
        for engine in db.engines.values():
            event.listen(engine, "before_cursor_execute", record)

    @app.get("/queries")
    def queries():
        db.session.scalars(select(Visit)).all()
        return {"count": len(g.queries)}

    # endregion queries
    return app
