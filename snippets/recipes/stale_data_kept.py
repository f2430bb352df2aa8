"""The mistake behind stale data: a session for each thread that nothing ever closes.

.. testcode::

    from tempfile import TemporaryDirectory

    from sqlalchemy import create_engine, text

    from snippets.recipes import stale_data
    from snippets.recipes.stale_data_kept import kept

    with TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/guide.db"
        app = stale_data.create_app({"SQLALCHEMY_ENGINES": {"default": url}})
        with app.app_context():
            session = kept(stale_data.db)
            post = session.get(stale_data.Post, 1)
        with create_engine(url).begin() as elsewhere:
            elsewhere.execute(text("UPDATE stale_data_post SET title = 'Final'"))
        print(session.get(stale_data.Post, 1).title)

.. testoutput::

    Draft
"""

from sqlalchemy.orm import scoped_session


# region kept
def kept(db):
    return scoped_session(lambda: db.sessionmaker())


# endregion kept
