"""Wait until the replica has what the source has."""

import time
from dataclasses import dataclass

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from nullstore.databases import USER_SYNC
from nullstore.exceptions import ReplicationError, ReplicationTimeout

# Either progress alone hangs in some case: the origin's position stands still while nothing published is written, and
# latest_end_lsn now and then. received_lsn is wrong: it is there before the rows are. leader_pid exists from 16 on.
_PROGRESS = """
    SELECT greatest(pg_replication_origin_progress('pg_' || s.oid, false), w.latest_end_lsn)::text,
           coalesce(greatest(pg_replication_origin_progress('pg_' || s.oid, false), w.latest_end_lsn)
                    >= %s::pg_lsn, false),
           w.pid IS NOT NULL,
           (SELECT count(*) FROM pg_subscription_rel WHERE srsubid = s.oid),
           (SELECT count(*) FROM pg_subscription_rel WHERE srsubid = s.oid AND srsubstate <> 'r')
    FROM pg_subscription AS s
    LEFT JOIN pg_stat_subscription AS w
        ON w.subid = s.oid AND w.relid IS NULL AND to_jsonb(w) ->> 'leader_pid' IS NULL
    WHERE s.subname = %s AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the replica is: the position it has applied, and what keeps it from being there."""

    position: str | None
    reached: bool
    worker_runs: bool
    tables: int
    tables_copying: int

    @property
    def complete(self) -> bool:
        """True if the replica has everything up to the position asked for. No tables at all is not complete."""
        return self.reached and self.worker_runs and self.tables > 0 and self.tables_copying == 0

    def __str__(self) -> str:
        worker = "its apply worker runs" if self.worker_runs else "its apply worker does not run"
        return (
            f"{USER_SYNC.subscription} has applied up to {self.position or 'nothing yet'}, {worker}, "
            f"{self.tables_copying} of {self.tables} tables are still being copied"
        )


def source_position() -> str:
    """Return a WAL position (an LSN) of the publisher that is behind everything committed there before the call.

    Raises ReplicationError inside a transaction on the publisher: what that wrote is not committed.
    """
    connection = connections[USER_SYNC.publisher]
    if connection.in_atomic_block:
        raise ReplicationError(
            f"There is an open transaction on {connection.alias}: what it wrote is not committed and cannot arrive. "
            "Commit it, then wait."
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn()")
        if cursor.fetchone() == (True,):
            _flush(connection)
        cursor.execute("SELECT pg_current_wal_flush_lsn()::text")
        (position,) = cursor.fetchone()
    return str(position)


def _flush(connection: BaseDatabaseWrapper) -> None:
    """Have the publisher's WAL flushed: a commit with synchronous_commit = off is not yet, and is sent only then."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = on")
        cursor.execute("SELECT pg_logical_emit_message(true, 'nullstore', '')")


def progress(position: str) -> Progress:
    """Ask the subscriber how far it is on the way to `position`. Raises ReplicationError without a subscription."""
    with connections[USER_SYNC.subscriber].cursor() as cursor:
        cursor.execute(_PROGRESS, [position, USER_SYNC.subscription])
        row = cursor.fetchone()
    if row is None:
        raise ReplicationError(
            f"The database {USER_SYNC.subscriber} has no subscription {USER_SYNC.subscription}. "
            f"Run: manage.py migrate --database={USER_SYNC.subscriber}"
        )
    return Progress(*row)


def wait_until_replicated(timeout: float = 10.0) -> float:
    """Wait until the replica has everything that was committed on the source before the call.

    `timeout` is in seconds. Returns the seconds it took. Raises ReplicationTimeout, which says how far it got, and
    ReplicationError without a subscription.
    """
    position = source_position()
    started = time.monotonic()
    pause = 0.0005
    while not (state := progress(position)).complete:
        waited = time.monotonic() - started
        if waited > timeout:
            raise ReplicationTimeout(f"After {waited:.1f} s the replica has not reached {position}: {state}.")
        time.sleep(min(pause, timeout))
        pause = min(pause * 1.5, 0.05)
    return time.monotonic() - started
