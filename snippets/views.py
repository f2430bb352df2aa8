"""The views that the examples share. Every form carries a CSRF token.

.. testcode::

    from snippets.views import PostView, UserView

    print(UserView.column_searchable_list, UserView.form_base_class.__name__)
    print(PostView.form_ajax_refs)

.. testoutput::

    ['name', 'email'] SecureForm
    {'author': {'fields': ['name', 'email']}}
"""

from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm

from snippets.models import Post, Tag, User


# region views
class SecureView(ModelView):
    form_base_class = SecureForm
    can_view_details = True
    can_export = True


class UserView(SecureView):
    column_searchable_list = ["name", "email"]
    column_filters = ["name", "email"]
    form_columns = ["name", "email", "posts"]
    inline_models = [(Post, {"form_columns": ["id", "title"]})]


class PostView(SecureView):
    column_list = ["title", "author", "published"]
    column_searchable_list = ["title"]
    column_filters = ["published", "author.name"]
    column_editable_list = ["title"]
    form_columns = ["title", "body", "published", "author", "tags"]
    form_ajax_refs = {"author": {"fields": ["name", "email"]}}


class TagView(SecureView):
    form_columns = ["name"]


VIEWS = [(UserView, User), (PostView, Post), (TagView, Tag)]
# endregion views
