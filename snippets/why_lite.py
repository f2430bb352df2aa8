"""An asynchronous view over Flask-SQLAlchemy-Lite, which Flask-SQLAlchemy has not.

.. testcode::

    from tempfile import TemporaryDirectory

    from snippets.why_lite import create_app

    with TemporaryDirectory() as folder:
        client = create_app(f"sqlite+aiosqlite:///{folder}/notes.db").test_client()
        client.post("/notes/hello")
        print(client.get("/notes").json)

.. testoutput::

    ['hello']
"""

import asyncio

from flask import Flask
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy import String, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.pool import NullPool


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "why_lite_note"

    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(100))


def create_app(url="sqlite+aiosqlite:///notes.db"):
    app = Flask(__name__)
    # Flask runs each request in an event loop of its own: keep no connection.
    app.config["SQLALCHEMY_ASYNC_ENGINES"] = {
        "default": {"url": url, "poolclass": NullPool}
    }
    db = SQLAlchemy(app)

    async def create_tables(engine):
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

    with app.app_context():
        engine = db.async_engine
    asyncio.run(create_tables(engine))

    @app.get("/notes")
    async def notes():
        statement = select(Note.text).order_by(Note.id)
        return list(await db.async_session.scalars(statement))

    @app.post("/notes/<text>")
    async def add(text):
        db.async_session.add(Note(text=text))
        await db.async_session.commit()
        return {"text": text}

    return app
