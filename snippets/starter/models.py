"""The tables: each row of yours belongs to a tenant."""

import secrets
from datetime import datetime

from flask_login import UserMixin
from sqlalchemy import DateTime, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from db import Base


class Tenant(Base):
    __tablename__ = "tenant"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)


class Owned:
    """A row that belongs to a tenant."""

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"))


class Account(UserMixin, Base):
    __tablename__ = "account"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    token: Mapped[str] = mapped_column(String(64), unique=True)
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id"))
    tenant: Mapped[Tenant] = relationship()

    @validates("password_hash")
    def renew_token(self, key, value):
        # A new password ends the sessions that were opened with the old one.
        self.token = secrets.token_hex()
        return value

    def get_id(self):
        # Not the id: a database can give that to the next account.
        return self.token


class SoftDeleted:
    """A row that *Delete* hides and keeps."""

    # Without a time zone the database would store its own local time.
    deleted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Customer(Owned, SoftDeleted, Base):
    __tablename__ = "customer"

    name: Mapped[str] = mapped_column(String(80))

    def __str__(self):
        return self.name


class Invoice(Owned, SoftDeleted, Base):
    __tablename__ = "invoice"
    # Not unique=True: its message would tell what another tenant has.
    __table_args__ = (UniqueConstraint("tenant_id", "number"),)

    number: Mapped[str] = mapped_column(String(20))
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    customer: Mapped[Customer | None] = relationship()

    def __str__(self):
        return self.number
