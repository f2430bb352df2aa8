"""A package with a module-level app and views made at import, with a lazy session."""

import secrets
from os import environ

from flask import Flask
from flask_admin import Admin
from sqlalchemy import func, select

from blog.db import db, session
from blog.models import *
from blog.views import *

app = Flask(__name__)
app.config["SECRET_KEY"] = secrets.token_hex()
url = environ.get("DATABASE_URL", "sqlite:///blog.db")
app.config["SQLALCHEMY_ENGINES"] = {"default": url}
# paste: before
db.init_app(app)
# paste: app
# paste: admin
admin = Admin(app, name="Blog")
# end: admin
# paste: own
admin.add_view(AuthorView(Author, session, endpoint="blog_author"))
admin.add_view(ArticleView(Article, session, endpoint="blog_article"))
# end: own
# paste: add


@app.get("/")
def index():
    return f"{session.scalar(select(func.count(Article.id)))} articles"


with app.app_context():
    Base.metadata.create_all(db.engine)
    if session.get(Author, 1) is None:
        ada = Author(name="Ada", email="ada@example.com")
        ada.posts = [Article(title="A first article", tags=[Label(name="news")])]
        session.add(ada)
        session.commit()
