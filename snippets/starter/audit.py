"""The audit trail: who changed what, in the transaction that changes it."""

import json
from datetime import datetime

from flask import current_app, has_request_context
from flask_login import current_user
from sqlalchemy import ForeignKey, String, Text, func, insert, inspect
from sqlalchemy.orm import Mapped, mapped_column

from db import Base


def own_tenant():
    """The tenant of the account that is logged in; None in a command."""
    return getattr(current_user, "tenant_id", None)


class Audit(Base):
    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[int | None] = mapped_column(
        ForeignKey("tenant.id"), default=own_tenant
    )
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    who: Mapped[str | None] = mapped_column(String(100))
    action: Mapped[str] = mapped_column(String(10))
    model: Mapped[str] = mapped_column(String(100))
    row_id: Mapped[str] = mapped_column(String(100))
    changes: Mapped[str] = mapped_column(Text)


# Columns whose values are not copied.
SECRET = {"password", "password_hash", "token"}


def who():
    """The id of the account that is logged in; None in a job or without a login."""
    if has_request_context() and hasattr(current_app, "login_manager"):
        # Not get_id(): what the cookie carries may be a secret.
        return str(current_user.id) if current_user.is_authenticated else None


def changes(action, state):
    """``{column: [old, new]}`` of a row that is being written."""
    found = {}
    for attribute in state.mapper.column_attrs:
        history = state.attrs[attribute.key].history
        # A deleted row has no changes: keep what it contained.
        old = history.non_added() if action == "delete" else history.deleted
        if old or history.added:
            values = [(*old, None)[0], (*history.added, None)[0]]
            hidden = attribute.key in SECRET
            found[attribute.key] = ["hidden", "hidden"] if hidden else values
    return found


def write_down(session, flush_context):
    # In this event new rows have their id, and what changed is still known.
    rows = []
    # session.deleted lacks the orphans, which the flush itself deletes.
    states = flush_context.states.items()
    gone = session.deleted.union(state.obj() for state, (out, _) in states if out)
    for action, models in [
        ("create", session.new),
        ("edit", session.dirty.difference(gone)),
        ("delete", gone),
    ]:
        for state in map(inspect, models):
            if found := changes(action, state):
                key = state.mapper.primary_key_from_instance(state.obj())
                rows.append(
                    {
                        "who": who(),
                        "action": action,
                        "model": state.class_.__name__,
                        "row_id": ",".join(map(str, key)),
                        "changes": json.dumps(found, default=str),
                    }
                )
    if rows:
        session.execute(insert(Audit), rows)
