"""What PostgreSQL's catalogs say about replication: read-only queries that give frozen dataclasses.

Each function takes a connection, Django's or psycopg's, and needs no more than an ordinary role, except where its
docstring says so.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Protocol


class Connection(Protocol):
    """What Django's and psycopg's connections have in common."""

    def cursor(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Publication:
    name: str
    all_tables: bool
    publish: frozenset[str]
    tables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Subscription:
    oid: int
    name: str
    enabled: bool
    slot_name: str | None
    publications: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Slot:
    name: str
    active_pid: int | None
    wal_status: str | None


@dataclass(frozen=True, slots=True)
class Role:
    can_login: bool
    can_replicate: bool


def publication(connection: Connection, name: str) -> Publication | None:
    """Return the publication of that name in this database, or None."""
    row = _row(
        connection,
        """
        SELECT puballtables, pubinsert, pubupdate, pubdelete, pubtruncate,
               ARRAY(SELECT prrelid::regclass::text FROM pg_publication_rel WHERE prpubid = p.oid)
        FROM pg_publication p WHERE pubname = %s
        """,
        [name],
    )
    if row is None:
        return None
    all_tables, *flags, tables = row
    publish = (what for what, on in zip(("insert", "update", "delete", "truncate"), flags, strict=True) if on)
    return Publication(name, all_tables, frozenset(publish), frozenset(tables))


def subscription(connection: Connection, name: str) -> Subscription | None:
    """Return the subscription of that name in this database, or None. Subscriptions of other databases are not seen."""
    row = _row(
        connection,
        """
        SELECT oid, subenabled, subslotname, subpublications FROM pg_subscription
        WHERE subname = %s AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
        """,
        [name],
    )
    if row is None:
        return None
    oid, enabled, slot_name, publications = row
    return Subscription(oid, name, enabled, slot_name, tuple(publications))


def subscribed_tables(connection: Connection, oid: int) -> frozenset[str]:
    """Return the tables that the subscription of that oid knows of, whatever their state."""
    row = _row(
        connection,
        "SELECT ARRAY(SELECT srrelid::regclass::text FROM pg_subscription_rel WHERE srsubid = %s)",
        [oid],
    )
    assert row is not None
    return frozenset(row[0])


def subscription_conninfo(connection: Connection, oid: int) -> str | None:
    """Return the stored connection string, which holds a password, or None where only superusers may read it."""
    readable = _row(connection, "SELECT has_column_privilege('pg_subscription', 'subconninfo', 'SELECT')")
    if readable != (True,):
        return None
    row = _row(connection, "SELECT subconninfo FROM pg_subscription WHERE oid = %s", [oid])
    return row[0] if row else None


def apply_worker_pid(connection: Connection, oid: int) -> int | None:
    """Return the pid of the subscription's apply worker, or None while it has none."""
    row = _row(
        connection,
        # leader_pid exists from 16 on: through jsonb its absence is no error.
        "SELECT pid FROM pg_stat_subscription AS s "
        "WHERE subid = %s AND relid IS NULL AND to_jsonb(s) ->> 'leader_pid' IS NULL",
        [oid],
    )
    return row[0] if row else None


def slot(connection: Connection, name: str) -> Slot | None:
    """Return the replication slot of that name in the server, or None."""
    row = _row(connection, "SELECT active_pid, wal_status FROM pg_replication_slots WHERE slot_name = %s", [name])
    return Slot(name, *row) if row else None


def logical_slots(connection: Connection) -> list[str]:
    """Return the names of this database's slots that decode for subscriptions."""
    row = _row(
        connection,
        "SELECT ARRAY(SELECT slot_name FROM pg_replication_slots "
        "WHERE database = current_database() AND plugin = 'pgoutput' ORDER BY slot_name)",
    )
    assert row is not None
    return list(row[0])


def role(connection: Connection, name: str) -> Role | None:
    """Return the role of that name in the server, or None."""
    row = _row(connection, "SELECT rolcanlogin, rolreplication FROM pg_roles WHERE rolname = %s", [name])
    return Role(*row) if row else None


def subscriber_fingerprint(connection: Connection) -> str:
    """Return 8 hex digits that tell this database from every other one, of this server and of all others.

    Made of the server's system identifier and the database's oid, so it survives a rename of the database.
    """
    row = _row(
        connection,
        "SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "FROM pg_control_system()",
    )
    assert row is not None
    return hashlib.sha256(f"{row[0]}:{row[1]}".encode()).hexdigest()[:8]


def oldest_writer(connection: Connection) -> str | None:
    """Describe the oldest transaction of the server that has written: what the making of a slot waits for."""
    row = _row(
        connection,
        """
        SELECT format('pid %%s of %%s in %%s, since %%s', pid, usename, datname, xact_start::timestamptz(0))
        FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() ORDER BY xact_start LIMIT 1
        """,
        [],
    )
    return row[0] if row else None


def _row(connection: Connection, query: str, parameters: list[Any] | None = None) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row
