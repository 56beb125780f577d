"""Who holds replication up: sessions that block its workers, and runs of our own."""

from dataclasses import dataclass
from datetime import datetime

from nullstore.replication.catalog.query import Connection, first_row, rows


@dataclass(frozen=True, slots=True)
class Session:
    """A session of the server; fields are None where the role may not see them. Its query's text is left out: it may
    hold secrets. `transaction` names a prepared transaction, which has no session and no pid. `waits_for` is
    PostgreSQL's name of a wait event.
    """

    pid: int | None
    user: str | None
    application: str | None
    address: str | None
    state: str | None
    since: datetime | None
    seconds: float | None
    transaction: str | None = None
    waits_for: str | None = None


def blockers(connection: Connection, pids: list[int]) -> tuple[Session, ...]:
    """Return the sessions that hold what the processes `pids` wait for, and wait for nobody themselves."""
    found = rows(
        connection,
        """
        WITH RECURSIVE held (pid) AS (
            SELECT unnest(pg_blocking_pids(waiting)) FROM unnest(%s::int[]) AS waiting
            UNION SELECT unnest(pg_blocking_pids(held.pid)) FROM held WHERE held.pid > 0)
        SELECT pid, usename::text, nullif(application_name, ''), host(client_addr), state, xact_start,
               extract(epoch FROM clock_timestamp() - xact_start)::float8
        FROM held JOIN pg_stat_activity USING (pid)
        WHERE cardinality(pg_blocking_pids(pid)) = 0 AND pid <> ALL (%s::int[]) ORDER BY xact_start
        """,
        [pids, pids],
    )
    return (*(Session(*row) for row in found), *_prepared_blockers(connection, pids))


def _prepared_blockers(connection: Connection, pids: list[int]) -> tuple[Session, ...]:
    found = rows(
        connection,
        """
        SELECT DISTINCT NULL::int, owner::text, NULL, NULL, 'prepared', prepared,
               extract(epoch FROM clock_timestamp() - prepared)::float8, gid
        FROM pg_locks AS waits
        JOIN pg_locks AS holds ON holds.granted AND (
            holds.transactionid = waits.transactionid
            OR (holds.relation, holds.database) = (waits.relation, waits.database))
        JOIN pg_prepared_xacts AS p ON holds.virtualtransaction = '-1/' || p.transaction
        WHERE waits.pid = ANY (%s) AND NOT waits.granted AND p.database = current_database()
        """,
        [pids],
    )
    return tuple(Session(*row) for row in found)


def readers(connection: Connection) -> tuple[Session, ...]:
    """Return the processes of the publishing server that read its slots (walsenders); since when each is connected."""
    found = rows(
        connection,
        """
        SELECT r.pid, r.usename::text, nullif(r.application_name, ''), host(r.client_addr), r.state, r.backend_start,
               extract(epoch FROM clock_timestamp() - r.backend_start)::float8, NULL, a.wait_event
        FROM pg_stat_replication AS r LEFT JOIN pg_stat_activity AS a USING (pid) ORDER BY pid
        """,
        [],
    )
    return tuple(Session(*row) for row in found)


def lock_holder(connection: Connection, key: int) -> Session | None:
    """Return the session that holds the advisory lock `key` (a signed 64-bit number) in this database, or None."""
    row = first_row(
        connection,
        """
        SELECT a.pid, usename::text, nullif(application_name, ''), host(client_addr), state, backend_start,
               extract(epoch FROM clock_timestamp() - backend_start)::float8
        FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
        WHERE locktype = 'advisory' AND granted AND objsubid = 1
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND (classid::bigint << 32) | objid::bigint = %s::bigint
        """,
        [key],
    )
    return Session(*row) if row else None
