"""One run at a time makes, replaces or drops a subscription."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql

from nullstore import conf
from nullstore.exceptions import ReplicationError
from nullstore.replication.connect import connect


def lock_key(name: str) -> int:
    """Return the number of the advisory lock of the subscription `name`."""
    return int.from_bytes(hashlib.sha256(f"nullstore {name}".encode()).digest()[:8], "big", signed=True)


@contextmanager
def alone(alias: str, name: str, what: str | None = None, timeout: float | None = None) -> Iterator[None]:
    """Hold the advisory lock `name`, such as a subscription's, in the database, on a connection of its own.

    Two runs at once, as of two containers that both migrate when they start, would drop each other's slot. The server
    frees the lock of a run that is killed. `what` says what the other run is working on. Raises ReplicationError after
    `timeout` seconds, conf.slot_timeout() by default.
    """
    limit = conf.slot_timeout() if timeout is None else timeout
    with connect(alias) as connection:
        connection.execute(sql.SQL("SET lock_timeout = {}").format(f"{limit}s"))
        connection.execute("SET statement_timeout = 0")
        connection.execute("SET idle_session_timeout = 0")
        try:
            connection.execute("SELECT pg_advisory_lock(%s)", [lock_key(name)])
        except psycopg.errors.LockNotAvailable:
            raise ReplicationError(
                f"Another run is working on {what or f'the subscription {name}'} in {alias} and has not ended within "
                f"{limit:g} s. Let it end, then run the same again."
            ) from None
        try:
            yield
        finally:
            unlock(connection, lock_key(name))


def unlock(connection: psycopg.Connection, key: int) -> None:
    """Free an advisory lock at once, for whoever comes next: the server of a closed connection takes a moment to."""
    with suppress(psycopg.Error):
        connection.execute("SELECT pg_advisory_unlock(%s)", [key])
