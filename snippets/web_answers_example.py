"""The form of Flask-Admin's own example for Flask-SQLAlchemy-Lite.

.. testcode::

    from snippets.web_answers_example import app

    print(app.test_client().get("/admin/tag/").status)

.. testoutput::

    404 NOT FOUND
"""

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from flask_sqlalchemy_lite import SQLAlchemy

from snippets.models import Tag, create_tables


class TagView(ModelView):
    form_base_class = SecureForm
    form_columns = ["name"]


# region example
app = Flask(__name__)
app.config.from_object("snippets.settings")
db = SQLAlchemy(app)
admin = Admin(app)

if __name__ == "__main__":
    with app.app_context():
        create_tables(db)
        admin.add_view(TagView(Tag, db))
    app.run()
# endregion example
