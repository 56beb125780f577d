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
    """`narrowed` tells that some table has a row filter or a list of columns."""

    name: str
    all_tables: bool
    publish: frozenset[str]
    tables: frozenset[str]
    narrowed: bool


@dataclass(frozen=True, slots=True)
class Subscription:
    oid: int
    name: str
    enabled: bool
    slot_name: str | None
    publications: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a subscription is: what it has applied, in bytes of the publisher's WAL, and what holds it up."""

    position: int | None
    worker_pid: int | None
    tables: int
    tables_copying: int


@dataclass(frozen=True, slots=True)
class Slot:
    """`made` is false while it is still being made; `usable` says that a subscription can follow it from here."""

    name: str
    active_pid: int | None
    made: bool
    usable: bool


@dataclass(frozen=True, slots=True)
class Role:
    """`powers` are the attributes that a replication role has no use for."""

    can_login: bool
    can_replicate: bool
    powers: tuple[str, ...]


def publication(connection: Connection, name: str) -> Publication | None:
    """Return the publication of that name in this database, or None."""
    row = _row(
        connection,
        """
        SELECT puballtables, pubinsert, pubupdate, pubdelete, pubtruncate,
               ARRAY(SELECT prrelid::regclass::text FROM pg_publication_rel WHERE prpubid = p.oid),
               EXISTS (SELECT FROM pg_publication_rel
                       WHERE prpubid = p.oid AND (prqual IS NOT NULL OR prattrs IS NOT NULL))
        FROM pg_publication p WHERE pubname = %s
        """,
        [name],
    )
    if row is None:
        return None
    all_tables, *flags, tables, narrowed = row
    publish = (what for what, on in zip(("insert", "update", "delete", "truncate"), flags, strict=True) if on)
    return Publication(name, all_tables, frozenset(publish), frozenset(tables), narrowed)


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


# leader_pid, of parallel apply workers, exists from 16 on: through jsonb its absence is no error.
_MAIN_WORKER = "w.relid IS NULL AND to_jsonb(w) ->> 'leader_pid' IS NULL"


def apply_worker_pid(connection: Connection, oid: int) -> int | None:
    """Return the pid of the subscription's apply worker, or None while it has none."""
    row = _row(connection, f"SELECT pid FROM pg_stat_subscription AS w WHERE subid = %s AND {_MAIN_WORKER}", [oid])
    return row[0] if row else None


def may_ask_progress(connection: Connection) -> bool:
    """Tell whether progress() can be asked."""
    function = "pg_replication_origin_progress(text, boolean)"
    return _row(connection, "SELECT has_function_privilege(%s, 'EXECUTE')", [function]) == (True,)


def progress(connection: Connection, name: str) -> Progress | None:
    """Return how far the subscription of that name is, or None if there is none.

    Needs EXECUTE on pg_replication_origin_progress. Either position alone hangs in some case: the origin's stands
    still while nothing published is written, latest_end_lsn now and then. received_lsn would be there before the rows.
    """
    row = _row(
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


def insert_position(connection: Connection) -> int:
    """Return the end of the server's WAL, in bytes from its beginning: nothing that it wrote is behind that."""
    row = _row(connection, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
    assert row is not None
    return int(row[0])


def slot(connection: Connection, name: str) -> Slot | None:
    """Return the replication slot of that name in the server, or None."""
    row = _row(
        connection,
        "SELECT active_pid, confirmed_flush_lsn IS NOT NULL, coalesce(wal_status <> 'lost' AND plugin = 'pgoutput' "
        "AND database = current_database() AND confirmed_flush_lsn <= pg_current_wal_insert_lsn(), false) "
        "FROM pg_replication_slots WHERE slot_name = %s",
        [name],
    )
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
    row = _row(
        connection,
        "SELECT rolcanlogin, rolreplication, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls "
        "FROM pg_roles WHERE rolname = %s",
        [name],
    )
    if row is None:
        return None
    powers = zip(("SUPERUSER", "CREATEROLE", "CREATEDB", "BYPASSRLS"), row[2:], strict=True)
    return Role(row[0], row[1], tuple(power for power, has in powers if has))


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
