from sqlalchemy import Column, ForeignKey, String, Table
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    pass


article_label = Table(
    "blog_article_label",
    Base.metadata,
    Column("article_id", ForeignKey("blog_article.id"), primary_key=True),
    Column("label_id", ForeignKey("blog_label.id"), primary_key=True),
)


class Author(Base):
    __tablename__ = "blog_author"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    email: Mapped[str] = mapped_column(String(120), unique=True)
    posts: Mapped[list["Article"]] = relationship(
        back_populates="author", cascade="all, delete-orphan"
    )

    def __str__(self):
        return self.name


class Article(Base):
    __tablename__ = "blog_article"

    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(120))
    body: Mapped[str | None] = mapped_column(String(500))
    author_id: Mapped[int] = mapped_column(ForeignKey("blog_author.id"))
    author: Mapped[Author] = relationship(back_populates="posts")
    tags: Mapped[list["Label"]] = relationship(
        secondary=article_label, back_populates="posts"
    )

    def __str__(self):
        return self.title


class Label(Base):
    __tablename__ = "blog_label"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    posts: Mapped[list[Article]] = relationship(
        secondary=article_label, back_populates="tags"
    )

    def __str__(self):
        return self.name


# The names that the guide uses for what is ours.
User, Post, Tag = Author, Article, Label
# paste: models
