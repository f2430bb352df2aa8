"""``migrations/env.py`` for Flask-Migrate with Flask-SQLAlchemy-Lite.

Alembic runs the file on each command. Imported by anything else it does nothing:

.. testcode::

    from snippets.recipes.flask_migrate_env import Base, run_online

    print(sorted(Base.metadata.tables), run_online.__name__)

.. testoutput::

    ['post', 'post_tag', 'tag', 'user'] run_online
"""

from alembic import context
from flask import current_app

# region env
# Your own base class, from a module that imports all your models.
from snippets.models import Base


def leave_out_empty(migration, revision, directives):
    """Keep ``flask db migrate`` from writing a revision that does nothing."""
    if directives[0].upgrade_ops.is_empty():
        directives.clear()


def run(**where):
    options = current_app.extensions["migrate"].configure_args
    options.setdefault("process_revision_directives", leave_out_empty)
    context.configure(target_metadata=Base.metadata, **options, **where)
    with context.begin_transaction():
        context.run_migrations()


def run_online():
    with current_app.extensions["sqlalchemy"].engine.connect() as connection:
        run(connection=connection)


def run_offline():
    """Print the statements instead: ``flask db upgrade --sql``."""
    url = current_app.extensions["sqlalchemy"].engine.url
    run(url=url, literal_binds=True)


# The name under which Alembic runs this file.
if __name__ == "env_py":
    run_offline() if context.is_offline_mode() else run_online()
# endregion env
