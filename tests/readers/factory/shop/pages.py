from flask import Blueprint
from sqlalchemy import func, select

from shop.db import db
from shop.models import Article

pages = Blueprint("pages", __name__)


@pages.get("/")
def index():
    return f"{db.session.scalar(select(func.count(Article.id)))} articles"
