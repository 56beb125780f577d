"""What the subscribing server says: the subscription, its tables, its workers, its progress."""

import hashlib
from dataclasses import dataclass

from nullstore.replication.catalog.query import Connection, first_row


@dataclass(frozen=True, slots=True)
class Subscription:
    oid: int
    name: str
    enabled: bool
    slot_name: str | None
    publications: tuple[str, ...]
    owner: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a subscription is: what it has applied, in bytes of the publisher's WAL, and what holds it up."""

    position: int | None
    worker_pid: int | None
    tables: int
    tables_copying: int


def subscription(connection: Connection, name: str) -> Subscription | None:
    """Return the subscription of that name in this database, or None. Subscriptions of other databases are not seen."""
    row = first_row(
        connection,
        """
        SELECT oid, subenabled, subslotname, subpublications, pg_get_userbyid(subowner)::text FROM pg_subscription
        WHERE subname = %s AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        """,
        [name],
    )
    if row is None:
        return None
    oid, enabled, slot_name, publications, owner = row
    return Subscription(oid, name, enabled, slot_name, tuple(publications), owner)


def subscribed_tables(connection: Connection, oid: int) -> frozenset[str]:
    """Return the tables that the subscription of that oid knows of, whatever their state."""
    row = first_row(
        connection,
        "SELECT ARRAY(SELECT srrelid::regclass::text FROM pg_subscription_rel WHERE srsubid = %s)",
        [oid],
    )
    assert row is not None
    return frozenset(row[0])


def subscription_conninfo(connection: Connection, oid: int) -> str | None:
    """Return the stored connection string, which holds a password, or None where only superusers may read it."""
    readable = first_row(connection, "SELECT has_column_privilege('pg_subscription', 'subconninfo', 'SELECT')")
    if readable != (True,):
        return None
    row = first_row(connection, "SELECT subconninfo FROM pg_subscription WHERE oid = %s", [oid])
    return row[0] if row else None


# leader_pid, of parallel apply workers, exists from 16 on: through jsonb its absence is no error.
_MAIN_WORKER = "w.relid IS NULL AND to_jsonb(w) ->> 'leader_pid' IS NULL"


def apply_worker_pid(connection: Connection, oid: int) -> int | None:
    """Return the pid of the subscription's apply worker, or None while it has none."""
    row = first_row(connection, f"SELECT pid FROM pg_stat_subscription AS w WHERE subid = %s AND {_MAIN_WORKER}", [oid])
    return row[0] if row else None


def may_ask_progress(connection: Connection) -> bool:
    """Tell whether progress() can be asked."""
    function = "pg_replication_origin_progress(text, boolean)"
    return first_row(connection, "SELECT has_function_privilege(%s, 'EXECUTE')", [function]) == (True,)


def progress(connection: Connection, name: str) -> Progress | None:
    """Return how far the subscription of that name is, or None if there is none.

    Needs EXECUTE on pg_replication_origin_progress. Either position alone hangs in some case: the origin's stands
    still while nothing published is written, latest_end_lsn now and then. received_lsn would be there before the rows.
    """
    row = first_row(
        connection,
        f"""
        SELECT greatest(pg_replication_origin_progress('pg_' || s.oid, false), w.latest_end_lsn) - '0/0'::pg_lsn,
               w.pid,
               (SELECT count(*) FROM pg_subscription_rel WHERE srsubid = s.oid),
               (SELECT count(*) FROM pg_subscription_rel WHERE srsubid = s.oid AND srsubstate <> 'r')
        FROM pg_subscription AS s
        LEFT JOIN pg_stat_subscription AS w ON w.subid = s.oid AND {_MAIN_WORKER}
        WHERE s.subname = %s AND s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        """,
        [name],
    )
    return Progress(None if row[0] is None else int(row[0]), *row[1:]) if row else None


def subscriber_fingerprint(connection: Connection, environment: str) -> str:
    """Return 8 hex digits that tell this database in this environment from every other one, of all servers.

    Made of the server's system identifier, the database's oid, so it survives a rename, and the environment's name: a
    copy of the files that is run as another environment must not take changes from the original.
    """
    row = first_row(
        connection,
        "SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "FROM pg_control_system()",
    )
    assert row is not None
    return hashlib.sha256(f"{row[0]}:{row[1]}:{environment}".encode()).hexdigest()[:8]
