"""The views of the admin that the contract drives, by the name that a check gives.

No check imports them: where Flask-Admin cannot be imported, that is an outcome.
"""

from flask import current_app
from flask_admin import expose
from flask_admin.actions import action
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from sqlalchemy import select

from tools.measure.models import Post, Tag, User


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
    column_export_list = [*column_list, "body"]
    column_searchable_list = ["title"]
    column_filters = ["published", "author.name"]
    column_editable_list = ["title"]
    form_columns = ["title", "body", "published", "author", "tags"]


class LookupPostView(PostView):
    form_ajax_refs = {"author": {"fields": ["name", "email"]}}


class TagView(SecureView):
    form_columns = ["name"]


class OverridingView(TagView):
    """Overrides as applications write them, each with one use of the session.

    What fails is noted in ``app.config["FAILED"]``, so that one request tells of all.
    """

    column_searchable_list = ["name"]

    def current(self):
        """The session as the application finds it."""
        raise NotImplementedError

    def note(self, use, function, *arguments):
        try:
            return function(*arguments)
        except Exception as error:
            failed = current_app.config["FAILED"]
            failed.setdefault(use, f"{type(error).__name__}: {error}")
            return None

    def get_query(self):
        query = self.note("query", lambda: self.current().query(self.model))
        return super().get_query() if query is None else query

    def get_one(self, id):
        row = self.note("get", lambda: self.current().get(self.model, int(id)))
        return super().get_one(id) if row is None else row

    def on_model_change(self, form, model, is_created):
        def nested():
            session = self.current()
            with session.begin_nested():
                session.add(Tag(name=f"{model.name} nested"))

        if not model.name.endswith(("nested", "after")):
            self.note("begin_nested", nested)

    def after_model_change(self, form, model, is_created):
        def again():
            session = self.current()
            session.add(Tag(name=f"{model.name} after"))
            session.commit()

        self.note("commit", again)

    def on_model_delete(self, model):
        def first():
            session = self.current()
            names = session.scalars(select(Tag.name).order_by(Tag.id)).all()
            current_app.config["SEEN"] = names

        def known():
            if model not in self.current():
                raise LookupError("the row is not in the session")

        self.note("scalars", first)
        self.note("in", known)

    @action("rename", "Rename")
    def rename(self, ids):
        def renamed():
            session = self.current()
            with session.no_autoflush:
                session.get(Tag, int(ids[0])).name = "renamed"
            session.commit()

        self.note("no_autoflush", renamed)

    @expose("/attribute/")
    def attribute(self):
        extension = current_app.extensions["sqlalchemy"]
        # Flask-SQLAlchemy's is a scoped session, which gives it when called.
        real = getattr(extension, "get_session", extension.session)()

        def set_it():
            if not real.autoflush:
                raise LookupError("the value of the request before")
            self.current().autoflush = False
            if real.autoflush:
                raise LookupError("no effect on the session of the request")

        self.note("set an attribute", set_it)
        return "done"

    @expose("/call/")
    def call(self):
        self.note("call", lambda: self.current()().scalar(select(Tag.id).limit(1)))
        return "done"


class SelfSessionView(OverridingView):
    def current(self):
        return self.session


class DbSessionView(OverridingView):
    def current(self):
        return current_app.extensions["sqlalchemy"].session


USERS = ((UserView, User),)
POSTS = ((PostView, Post),)
TAGS = ((TagView, Tag),)
BASIC = USERS + POSTS + TAGS
LOOKUP = ((UserView, User), (LookupPostView, Post), (TagView, Tag))
SELF_SESSION = ((SelfSessionView, Tag),)
DB_SESSION = ((DbSessionView, Tag),)
