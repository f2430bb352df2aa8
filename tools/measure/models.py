"""The models of the admin that the contract drives, and their rows."""

from datetime import date

from sqlalchemy import Column, ForeignKey, String, Table, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    type_annotation_map = {str: String(100)}


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
    posts: Mapped[list["Post"]] = relationship(
        back_populates="author", cascade="all, delete-orphan"
    )

    def __str__(self):
        return self.name


class Post(Base):
    __tablename__ = "post"
    __table_args__ = (UniqueConstraint("author_id", "title"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    # An export that a client breaks off has to be long.
    body: Mapped[str | None] = mapped_column(Text)
    published: Mapped[date | None]
    author_id: Mapped[int] = mapped_column(ForeignKey("user.id"))
    author: Mapped[User] = relationship(back_populates="posts")
    tags: Mapped[list["Tag"]] = relationship(secondary=post_tag, back_populates="posts")

    def __str__(self):
        return self.title


class Tag(Base):
    __tablename__ = "tag"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    posts: Mapped[list[Post]] = relationship(secondary=post_tag, back_populates="tags")

    def __str__(self):
        return self.name


def seed(session):
    """Add two users, three posts and two tags, and commit."""
    history = Tag(name="history")
    ada = User(name="Ada", email="ada@example.com")
    ada.posts = [
        Post(title="Notes on the engine", published=date(1843, 9, 1), tags=[history])
    ]
    grace = User(name="Grace", email="grace@example.com")
    grace.posts = [
        Post(title="A compiler", published=date(1952, 5, 2)),
        Post(title="Nanoseconds", tags=[history]),
    ]
    session.add_all([ada, grace, Tag(name="hardware")])
    session.commit()
