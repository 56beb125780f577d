"""A place in the publisher's WAL behind everything that is committed."""

import psycopg


def committed_position(connection: psycopg.Connection) -> int:
    """Return a position, in bytes from the beginning of the WAL, behind everything committed before the call.

    Only WAL that is flushed is sent, and a commit with synchronous_commit = off is not yet; so if some is not, a small
    message is committed synchronously.
    """
    row = connection.execute("SELECT pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn()").fetchone()
    if row == (True,):
        emit_message(connection)
    row = connection.execute("SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint").fetchone()
    assert row is not None
    return int(row[0])


def emit_message(connection: psycopg.Connection) -> None:
    """Commit something small synchronously, so that there is flushed WAL behind all that was written before."""
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = on")
        connection.execute("SELECT pg_logical_emit_message(true, 'nullstore', '')")
