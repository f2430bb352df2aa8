"""An application over Flask-SQLAlchemy, before the move.

.. testcode::

    from snippets.move.before import create_app

    client = create_app("sqlite://", "sqlite://").test_client()
    print(client.get("/users/1").json, client.get("/users/9").status)

.. testoutput::

    {'name': 'Ada', 'posts': ['Engine']} 404 NOT FOUND
"""

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.record_queries import get_recorded_queries

# region session
db = SQLAlchemy()
session = db.session
# endregion session


# region models
class BlogPost(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    title = db.Column(db.String, nullable=False)
    user_id = db.Column(db.ForeignKey("user.id"), nullable=False)
    author = db.relationship("User", back_populates="posts")


class User(db.Model):
    id = db.Column(db.Integer, primary_key=True)
    name = db.Column(db.String, nullable=False)
    posts = db.relationship("BlogPost", back_populates="author")


# endregion models


# region binds
class Visit(db.Model):
    __bind_key__ = "log"
    id = db.Column(db.Integer, primary_key=True)


# endregion binds


def create_app(url="sqlite:///before.db", log_url="sqlite:///before-log.db"):
    app = Flask(__name__)
    # region config
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_BINDS"] = {"log": log_url}
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {"pool_pre_ping": True}
    app.config["SQLALCHEMY_RECORD_QUERIES"] = True
    db.init_app(app)
    # endregion config
    # region create_all
    with app.app_context():
        db.create_all()
        # endregion create_all
        if User.query.first() is None:
            db.session.add(User(name="Ada", posts=[BlogPost(title="Engine")]))
            db.session.add_all([User(name=name) for name in ("Grace", "Alan")])
            db.session.add(Visit())
            db.session.commit()

    # region get
    @app.get("/users/<int:id>")
    def user(id):
        found = db.get_or_404(User, id)
        return {"name": found.name, "posts": [post.title for post in found.posts]}

    # endregion get

    # region first
    @app.get("/users/named/<name>")
    def named(name):
        return {"id": User.query.filter_by(name=name).first_or_404().id}

    # endregion first

    # region paginate
    @app.get("/users")
    def users():
        statement = db.select(User).order_by(User.id)
        page = db.paginate(statement, per_page=2)
        return {"names": [user.name for user in page], "more": page.has_next}

    # endregion paginate

    # region queries
    @app.get("/queries")
    def queries():
        session.scalars(db.select(Visit)).all()
        return {"count": len(get_recorded_queries())}

    # endregion queries
    return app
