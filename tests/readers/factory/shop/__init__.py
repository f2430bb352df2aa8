"""An application factory with a blueprint, wired by the recommended approach."""

from os import environ

from flask import Flask
from flask_admin import Admin

from shop.db import *
from shop.models import *
from shop.pages import pages
from shop.views import *


def create_app(config=None):
    app = Flask(__name__)
    url = environ.get("DATABASE_URL", "sqlite:///shop.db")
    app.config.from_mapping(SECRET_KEY="testing", SQLALCHEMY_ENGINES={"default": url})
    app.config.from_mapping(config)
    # paste: before
    db.init_app(app)
    app.register_blueprint(pages)
    # paste: app
    # paste: admin
    admin = Admin(app, name="Shop")
    # end: admin
    # paste: own
    admin.add_view(AuthorView(Author, db.session, endpoint="shop_author"))
    admin.add_view(ArticleView(Article, db.session, endpoint="shop_article"))
    # end: own
    # paste: add
    with app.app_context():
        Base.metadata.create_all(db.engine)
        if db.session.get(Author, 1) is None:
            ada = Author(name="Ada", email="ada@example.com")
            label = Label(name="news")
            ada.posts = [Article(title="A first article", tags=[label])]
            db.session.add(ada)
            db.session.commit()
    return app
