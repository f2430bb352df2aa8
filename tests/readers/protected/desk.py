"""One file that protects its admin already, with ``db`` passed in an app context."""

import os

from flask import Flask, abort, redirect, request
from flask import session as cookie
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import Column, ForeignKey, String, Table, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

db = SQLAlchemy()


class Base(DeclarativeBase):
    pass


article_label = Table(
    "desk_article_label",
    Base.metadata,
    Column("article_id", ForeignKey("desk_article.id"), primary_key=True),
    Column("label_id", ForeignKey("desk_label.id"), primary_key=True),
)


class Author(Base):
    __tablename__ = "desk_author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    email: Mapped[str] = mapped_column(String(120), unique=True)
    posts: Mapped[list["Article"]] = relationship(
        back_populates="author", cascade="all, delete-orphan"
    )

    def __str__(self):
        return self.name


class Article(Base):
    __tablename__ = "desk_article"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(120))
    body: Mapped[str | None] = mapped_column(String(500))
    author_id: Mapped[int] = mapped_column(ForeignKey("desk_author.id"))
    author: Mapped[Author] = relationship(back_populates="posts")
    tags: Mapped[list["Label"]] = relationship(
        secondary=article_label, back_populates="posts"
    )

    def __str__(self):
        return self.title


class Label(Base):
    __tablename__ = "desk_label"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    posts: Mapped[list[Article]] = relationship(
        secondary=article_label, back_populates="tags"
    )

    def __str__(self):
        return self.name


# The names that the guide uses for what is ours.
User, Post, Tag = Author, Article, Label
# paste: models


class AuthorView(ModelView):
    form_base_class = SecureForm
    column_list = ["name", "email"]


class ArticleView(ModelView):
    form_base_class = SecureForm
    column_searchable_list = ["title"]


UserView, PostView = AuthorView, ArticleView
# paste: views


def create_app():
    app = Flask(__name__)
    app.config["SECRET_KEY"] = os.environ.get("SECRET_KEY", "testing")
    url = os.environ.get("DATABASE_URL", "sqlite:///desk.db")
    app.config["SQLALCHEMY_ENGINES"] = {"default": url}
    # paste: before
    db.init_app(app)

    @app.before_request
    def protect():
        if request.path.startswith("/admin") and not cookie.get("staff"):
            abort(403)

    @app.get("/")
    def index():
        return f"{db.session.scalar(select(func.count(Article.id)))} articles"

    @app.post("/sign-in")
    def sign_in():
        if request.form["password"] != "testing":
            abort(403)
        cookie["staff"] = True
        return redirect("/admin/")

    # paste: app
    with app.app_context():
        # paste: admin
        admin = Admin(app, name="Desk")
        # end: admin
        # paste: own
        admin.add_view(AuthorView(Author, db, endpoint="desk_author"))
        admin.add_view(ArticleView(Article, db, endpoint="desk_article"))
        # end: own
        # paste: add
        Base.metadata.create_all(db.engine)
        if db.session.get(Author, 1) is None:
            ada = Author(name="Ada", email="ada@example.com")
            ada.posts = [Article(title="A first article", tags=[Label(name="news")])]
            db.session.add(ada)
            db.session.commit()
    return app
