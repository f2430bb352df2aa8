"""``ModelView(User, db)`` raises outside of an application context.

.. testcode::

    from snippets.upstream.db_without_context import reproduce

    print(reproduce())

.. testoutput::

    RuntimeError: Working outside of application context.
"""

from flask_admin.contrib.sqla import ModelView
from flask_sqlalchemy_lite import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class User(Base):
    __tablename__ = "user"
    id: Mapped[int] = mapped_column(primary_key=True)


def reproduce():
    """Return what making the view raises."""
    try:
        ModelView(User, SQLAlchemy())
    except RuntimeError as error:
        return f"RuntimeError: {error}".splitlines()[0]


if __name__ == "__main__":
    print(reproduce())
