"""What Flask-Migrate runs for `flask db ...`: one engine, the metadata of ``db``."""

from alembic import context
from flask import current_app

db = current_app.extensions["migrate"].db
with db.engine.connect() as connection:
    # SQLite, which the tests use, changes a table by copying it: a batch.
    context.configure(
        connection=connection, target_metadata=db.metadata, render_as_batch=True
    )
    with context.begin_transaction():
        context.run_migrations()
