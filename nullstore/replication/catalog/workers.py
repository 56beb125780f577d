"""What the subscribing server says about the processes of a subscription, their errors and their limits."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from nullstore.replication.catalog.query import Connection, first_row, rows


@dataclass(frozen=True, slots=True)
class Worker:
    """A process of a subscription; `table` names what it copies, None is the one that applies. `idle` is how many
    seconds ago it took in its last message, `reported` the position that it last reported as applied: that may stand
    still though all is applied.
    """

    pid: int
    table: str | None
    idle: float | None
    reported: int | None


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """Errors and conflicts of a subscription since its statistics were reset; conflicts are counted from 18 on."""

    apply: int
    sync: int
    conflicts: Mapping[str, int]

    def grown_since(self, before: "ErrorCounts") -> "ErrorCounts":
        """Return what has come since `before`."""
        more = {name: count - before.conflicts.get(name, 0) for name, count in self.conflicts.items()}
        return ErrorCounts(
            self.apply - before.apply,
            self.sync - before.sync,
            {name: count for name, count in more.items() if count > 0},
        )


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """How many replication workers the server may run and runs now, all databases together, and after how many
    seconds it starts one that ended again.
    """

    most: int
    running: int
    retry_interval: float


def workers(connection: Connection, oid: int) -> tuple[Worker, ...]:
    """Return the processes of the subscription of that oid, but not the helpers of its apply worker."""
    found = rows(
        connection,
        """
        SELECT pid, relid::regclass::text,
               extract(epoch FROM clock_timestamp() - nullif(last_msg_receipt_time, '-infinity'))::float8,
               (latest_end_lsn - '0/0'::pg_lsn)::bigint
        FROM pg_stat_subscription AS w
        WHERE subid = %s AND pid IS NOT NULL AND to_jsonb(w) ->> 'leader_pid' IS NULL ORDER BY pid
        """,
        [oid],
    )
    return tuple(Worker(*row) for row in found)


def error_counts(connection: Connection, oid: int) -> ErrorCounts:
    """Return the counters of the subscription of that oid.

    Conflicts of rows that another origin wrote are left out: `track_commit_timestamp` counts initially copied rows so.
    """
    row = first_row(
        connection,
        """
        SELECT apply_error_count, sync_error_count,
               (SELECT coalesce(jsonb_object_agg(substr(key, 7), value), '{}')::text FROM jsonb_each(to_jsonb(s))
                WHERE starts_with(key, 'confl_') AND key !~ '_origin_differs$')
        FROM pg_stat_subscription_stats AS s WHERE subid = %s
        """,
        [oid],
    )
    return ErrorCounts(row[0], row[1], json.loads(row[2])) if row else ErrorCounts(0, 0, {})


def worker_limits(connection: Connection) -> WorkerLimits:
    """Return the server's limits."""
    row = first_row(
        connection,
        """
        SELECT current_setting('max_logical_replication_workers')::int,
               (SELECT count(pid) FROM pg_stat_subscription),
               (SELECT setting::float8 / 1000 FROM pg_settings WHERE name = 'wal_retrieve_retry_interval')
        """,
    )
    assert row is not None
    return WorkerLimits(*row)


def table_states(connection: Connection, oid: int) -> dict[str, str]:
    """Return the tables of the subscription of that oid with their srsubstate: i, d, f, s, or r for ready."""
    found = rows(
        connection,
        "SELECT srrelid::regclass::text, srsubstate::text FROM pg_subscription_rel WHERE srsubid = %s ORDER BY 1",
        [oid],
    )
    return dict(found)


def followed_slots(connection: Connection) -> frozenset[str]:
    """Return the slots that the subscriptions of this server follow, of all its databases."""
    return frozenset(name for (name,) in rows(connection, "SELECT subslotname::text FROM pg_subscription") if name)


def subscription_oids(connection: Connection) -> frozenset[int]:
    """Return the oids of the subscriptions of this server, of all its databases."""
    return frozenset(oid for (oid,) in rows(connection, "SELECT oid FROM pg_subscription"))


def system_identifier(connection: Connection) -> str:
    """Return the number that tells this server from all others."""
    row = first_row(connection, "SELECT system_identifier::text FROM pg_control_system()")
    assert row is not None
    return str(row[0])


def origin_position(connection: Connection, oid: int) -> int | None:
    """Return the position in the publisher's WAL of the last transaction applied. Needs EXECUTE on the function."""
    row = first_row(
        connection, "SELECT (pg_replication_origin_progress('pg_' || %s, false) - '0/0'::pg_lsn)::bigint", [oid]
    )
    return row[0] if row else None
