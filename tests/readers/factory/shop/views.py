from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm

from shop.db import db
from shop.models import *


class AuthorView(ModelView):
    form_base_class = SecureForm
    column_list = ["name", "email"]


class ArticleView(ModelView):
    form_base_class = SecureForm
    column_searchable_list = ["title"]


UserView, PostView = AuthorView, ArticleView
# paste: views
