"""The views of the admin that the contract drives, by the name that a check gives.

No check imports them: where Flask-Admin cannot be imported, that is an outcome.
"""

from contextlib import suppress

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


def real_session():
    """The session of the request, by the extension."""
    extension = current_app.extensions["sqlalchemy"]
    # Flask-SQLAlchemy's is a scoped session, which gives it when called.
    return getattr(extension, "get_session", extension.session)()


class MeetingView(TagView):
    """A view whose hooks call what a check has put there."""

    def on_model_change(self, form, model, is_created):
        current_app.config["HOLD"](self)

    def after_model_change(self, form, model, is_created):
        current_app.config["MEET"]()

    @expose("/fail/")
    def fail(self):
        self.get_query().all()
        raise ZeroDivisionError


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
            with suppress(ZeroDivisionError), session.begin_nested():
                session.add(Tag(name=f"{model.name} lost"))
                session.flush()
                raise ZeroDivisionError
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
            tags = session.scalars(select(Tag).order_by(Tag.id)).all()
            current_app.config["SEEN"] = [tag.name for tag in tags]
            if not all(tag in real_session() for tag in tags):
                raise LookupError("the rows are of another session")

        def known():
            if model not in self.current():
                raise LookupError("the row is not in the session")

        self.note("scalars", first)
        self.note("in", known)

    @action("rename", "Rename")
    def rename(self, ids):
        def renamed():
            session = self.current()
            tag = session.get(Tag, int(ids[0]))
            with session.no_autoflush:
                tag.name = "renamed"
                session.scalar(select(Tag.id).limit(1))
                if tag not in real_session().dirty:
                    raise LookupError("the change was flushed")
            session.commit()

        self.note("no_autoflush", renamed)

    @expose("/attribute/")
    def attribute(self):
        real = real_session()

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
        def called():
            if self.current()() is not real_session():
                raise LookupError("another session")

        self.note("call", called)
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
MEETING = ((MeetingView, Tag),)
BASIC = USERS + POSTS + TAGS
LOOKUP = ((UserView, User), (LookupPostView, Post), (TagView, Tag))
SELF_SESSION = ((SelfSessionView, Tag),)
DB_SESSION = ((DbSessionView, Tag),)
