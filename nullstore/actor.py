"""Who does something to a row, and how the triggers of the database get to know it."""

from dataclasses import dataclass
from typing import Final

from django.db import connections
from django.db.transaction import TransactionManagementError

_SET: Final = "SELECT set_config('nullstore.actor', %s, true), set_config('nullstore.reason', %s, true)"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, why ("" = no reason given) and from which address."""

    name: str
    reason: str = ""
    ip_address: str | None = None


def set_actor(actor: Actor, *, using: str) -> None:
    """Set nullstore.actor and nullstore.reason for the open transaction of `using`; "" stands for unknown.

    Raises TransactionManagementError outside of one, where the settings would be gone with the statement.
    """
    if not connections[using].in_atomic_block:
        raise TransactionManagementError(f"There is no open transaction on {using} whose actor could be set.")
    with connections[using].cursor() as cursor:
        cursor.execute(_SET, [actor.name, actor.reason])
