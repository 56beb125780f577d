"""A place in the publisher's WAL behind everything that is committed."""

import time
from typing import Final

import psycopg

#: Seconds for which somebody else's commit may flush what is not yet. Where others write, one comes along much sooner
#: than a commit of our own would return; where nobody does, all is flushed.
_OTHERS: Final = 0.003
_PAUSE: Final = 0.0002


def committed_position(connection: psycopg.Connection) -> int:
    """Return a position, in bytes from the beginning of the WAL, behind everything committed before the call.

    Only WAL that is flushed is sent, and a commit with synchronous_commit = off is not yet; so if some is not, and
    stays so, a small message is committed synchronously.
    """
    written, flushed = _positions(connection)
    deadline = time.monotonic() + _OTHERS
    while flushed < written:
        if time.monotonic() > deadline:
            emit_message(connection)
        time.sleep(_PAUSE)
        _, flushed = _positions(connection)
    return written


def emit_message(connection: psycopg.Connection) -> None:
    """Commit something small synchronously, so that there is flushed WAL behind all that was written before."""
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = on")
        connection.execute("SELECT pg_logical_emit_message(true, 'nullstore', '')")


def _positions(connection: psycopg.Connection) -> tuple[int, int]:
    """Return where the WAL ends, and how far of it is flushed."""
    row = connection.execute(
        "SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint, "
        "(pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint"
    ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
