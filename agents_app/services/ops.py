"""The record of what staff did to rows of this database, written in the transaction of what they did."""

from typing import Any

from django.db import models

from agents_app.models import OpsAction
from nullstore.actor import Actor, set_actor
from nullstore.databases import AGENTS


def record(
    actor: Actor, action: str, row: models.Model | tuple[str, Any], detail: dict[str, Any] | None = None
) -> None:
    """Write that `actor` did `action` to `row`, a saved model or (table, id), into ops_actions; a reason goes along.

    Needs an open transaction on agents, that of the action itself: raises TransactionManagementError outside of one.
    """
    set_actor(actor, using=AGENTS)
    table, key = (row._meta.db_table, row.pk) if isinstance(row, models.Model) else row
    given = {"reason": actor.reason} if actor.reason else {}
    OpsAction.objects.create(
        actor=actor.name[: _length("actor")],
        action=action[: _length("action")],
        target_table=table,
        target_id=str(key),
        detail={**given, **(detail or {})},
    )


def _length(column: str) -> int:
    """How much text a column of ops_actions has room for: a long name must not stop what it explains."""
    length: int = getattr(OpsAction._meta.get_field(column), "max_length", 0)
    return length
