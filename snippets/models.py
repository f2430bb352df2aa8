"""The models that the examples share: users write posts, posts have tags.

.. testcode::

    from sqlalchemy import create_engine
    from sqlalchemy.orm import Session

    from snippets.models import Base, User, seed

    engine = create_engine("sqlite://")
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        seed(session)
        for user in session.query(User).order_by(User.name):
            print(user, [str(post) for post in user.posts])

.. testoutput::

    Ada ['Notes on the engine']
    Grace ['A compiler', 'Nanoseconds']
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import Column, ForeignKey, Table, UniqueConstraint, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


# region models
class Base(DeclarativeBase):
    pass


post_tag = Table(
    "post_tag",
    Base.metadata,
    Column("post_id", ForeignKey("post.id"), primary_key=True),
    Column("tag_id", ForeignKey("tag.id"), primary_key=True),
)


class User(Base):
    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str] = mapped_column(unique=True)
    posts: Mapped[list[Post]] = relationship(
        back_populates="author", cascade="all, delete-orphan"
    )

    def __str__(self):
        return self.name


class Post(Base):
    __tablename__ = "post"
    __table_args__ = (UniqueConstraint("author_id", "title"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    body: Mapped[str | None]
    published: Mapped[date | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    author: Mapped[User] = relationship(back_populates="posts")
    tags: Mapped[list[Tag]] = relationship(secondary=post_tag, back_populates="posts")

    def __str__(self):
        return self.title


class Tag(Base):
    __tablename__ = "tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    posts: Mapped[list[Post]] = relationship(secondary=post_tag, back_populates="tags")

    def __str__(self):
        return self.name


# endregion models


def seed(session):
    """Add two users with three posts to an empty database and commit.

    :param session: a session on a database that has the tables.
    """
    if session.scalar(select(User).limit(1)) is not None:
        return
    history = Tag(name="history")
    session.add_all(
        [
            User(
                name="Ada",
                email="ada@example.com",
                posts=[
                    Post(
                        title="Notes on the engine",
                        published=date(1843, 9, 1),
                        tags=[history],
                    )
                ],
            ),
            User(
                name="Grace",
                email="grace@example.com",
                posts=[
                    Post(title="A compiler", published=date(1952, 5, 2)),
                    Post(title="Nanoseconds", tags=[history]),
                ],
            ),
            Tag(name="hardware"),
        ]
    )
    session.commit()


def create_tables(db):
    """Create the tables of ``db`` and fill them. Needs an application context.

    :param db: a ``SQLAlchemy`` object of either library.
    """
    Base.metadata.create_all(db.engine)
    seed(db.session)
