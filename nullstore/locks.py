"""How long a person waits for a row that somebody else is writing."""

from typing import Final

from django.db import DatabaseError, connections
from psycopg.errors import LockNotAvailable

#: As PostgreSQL spells it.
PATIENCE: Final = "3s"


def limit_lock_wait(alias: str) -> None:
    """Have the open transaction on `alias` wait at most PATIENCE for a lock; then it raises DatabaseError.

    is_locked_out() tells that from others.
    """
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])


def is_locked_out(error: DatabaseError) -> bool:
    """Return whether `error` says that a lock was not to be had in time."""
    return isinstance(error.__cause__, LockNotAvailable)
