"""What the publishing server says: publications, slots, the role, its WAL."""

from dataclasses import dataclass

from nullstore.replication.catalog.query import Connection, first_row


@dataclass(frozen=True, slots=True)
class Publication:
    """`narrowed` tells that some table has a row filter or a list of columns."""

    name: str
    all_tables: bool
    publish: frozenset[str]
    tables: frozenset[str]
    narrowed: bool


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
    row = first_row(
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


def insert_position(connection: Connection) -> int:
    """Return the end of the server's WAL, in bytes from its beginning: nothing that it wrote is behind that."""
    row = first_row(connection, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
    assert row is not None
    return int(row[0])


def slot(connection: Connection, name: str) -> Slot | None:
    """Return the replication slot of that name in the server, or None."""
    row = first_row(
        connection,
        "SELECT active_pid, confirmed_flush_lsn IS NOT NULL, coalesce(wal_status <> 'lost' AND plugin = 'pgoutput' "
        "AND database = current_database() AND confirmed_flush_lsn <= pg_current_wal_insert_lsn(), false) "
        "FROM pg_replication_slots WHERE slot_name = %s",
        [name],
    )
    return Slot(name, *row) if row else None


def logical_slots(connection: Connection) -> list[str]:
    """Return the names of this database's slots that decode for subscriptions."""
    row = first_row(
        connection,
        "SELECT ARRAY(SELECT slot_name FROM pg_replication_slots "
        "WHERE database = current_database() AND plugin = 'pgoutput' ORDER BY slot_name)",
    )
    assert row is not None
    return list(row[0])


def role(connection: Connection, name: str) -> Role | None:
    """Return the role of that name in the server, or None."""
    row = first_row(
        connection,
        "SELECT rolcanlogin, rolreplication, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls "
        "FROM pg_roles WHERE rolname = %s",
        [name],
    )
    if row is None:
        return None
    powers = zip(("SUPERUSER", "CREATEROLE", "CREATEDB", "BYPASSRLS"), row[2:], strict=True)
    return Role(row[0], row[1], tuple(power for power, has in powers if has))


def oldest_writer(connection: Connection) -> str | None:
    """Describe the oldest transaction of the server that has written: what the making of a slot waits for."""
    row = first_row(
        connection,
        """
        SELECT format('pid %%s of %%s in %%s, since %%s', pid, usename, datname, xact_start::timestamptz(0))
        FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() ORDER BY xact_start LIMIT 1
        """,
        [],
    )
    return row[0] if row else None
