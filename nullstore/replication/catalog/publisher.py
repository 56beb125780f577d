"""What the publishing server says: publications, slots, the role, its WAL."""

from collections.abc import Mapping
from dataclasses import dataclass

from nullstore.replication.catalog.query import Connection, first_row, rows
from nullstore.replication.specs import PublishedTable


@dataclass(frozen=True, slots=True)
class Publication:
    """`columns` and `filters` have the tables with a list of columns or a row filter (as the server spells it)."""

    oid: int
    name: str
    all_tables: bool
    schemas: tuple[str, ...]
    publish: frozenset[str]
    tables: frozenset[str]
    columns: Mapping[str, frozenset[str]]
    filters: Mapping[str, str]

    def table(self, name: str) -> PublishedTable:
        """Return what of the table `name` is published."""
        columns = self.columns.get(name)
        return PublishedTable(name, None if columns is None else tuple(sorted(columns)), self.filters.get(name))


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
        SELECT oid, puballtables, pubinsert, pubupdate, pubdelete, pubtruncate,
               ARRAY(SELECT nspname::text FROM pg_publication_namespace JOIN pg_namespace n ON n.oid = pnnspid
                     WHERE pnpubid = p.oid ORDER BY 1)
        FROM pg_publication p WHERE pubname = %s
        """,
        [name],
    )
    if row is None:
        return None
    oid, all_tables, *flags, schemas = row
    publish = (what for what, on in zip(("insert", "update", "delete", "truncate"), flags, strict=True) if on)
    tables = _published(connection, oid)
    return Publication(
        oid=oid,
        name=name,
        all_tables=all_tables,
        schemas=tuple(schemas),
        publish=frozenset(publish),
        tables=frozenset(table for table, _, _ in tables),
        columns={table: frozenset(columns) for table, columns, _ in tables if columns is not None},
        filters={table: condition for table, _, condition in tables if condition is not None},
    )


def _published(connection: Connection, oid: int) -> list[tuple[str, list[str] | None, str | None]]:
    return rows(
        connection,
        """
        SELECT prrelid::regclass::text,
               CASE WHEN prattrs IS NOT NULL THEN ARRAY(
                   SELECT attname::text FROM pg_attribute WHERE attrelid = prrelid AND attnum = ANY (prattrs)) END,
               pg_get_expr(prqual, prrelid)
        FROM pg_publication_rel WHERE prpubid = %s ORDER BY 1
        """,
        [oid],
    )


def replica_identity(connection: Connection, table: str) -> frozenset[str] | None:
    """Return the columns by which updates and deletes of `table` find their row; None means all of them (FULL)."""
    row = first_row(
        connection,
        """
        SELECT relreplident = 'f', ARRAY(
            SELECT attname::text FROM pg_index JOIN pg_attribute a ON a.attrelid = indrelid AND attnum = ANY (indkey)
            WHERE indrelid = c.oid AND CASE relreplident WHEN 'd' THEN indisprimary WHEN 'i' THEN indisreplident END)
        FROM pg_class c WHERE c.oid = to_regclass('public.' || quote_ident(%s))
        """,
        [table],
    )
    return None if row is None or row[0] else frozenset(row[1])


def filtered_columns(connection: Connection, oid: int, table: str) -> frozenset[str]:
    """Return the columns that the row filter of `table` in the publication of that oid reads."""
    found = rows(
        connection,
        """
        SELECT attname::text FROM pg_publication_rel AS p
        JOIN pg_depend AS d ON d.classid = 'pg_publication_rel'::regclass AND d.objid = p.oid AND d.refobjid = prrelid
        JOIN pg_attribute ON attrelid = prrelid AND attnum = d.refobjsubid
        WHERE prpubid = %s AND prrelid = to_regclass('public.' || quote_ident(%s)) AND d.refobjsubid > 0
        """,
        [oid, table],
    )
    return frozenset(name for (name,) in found)


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
    """Describe the oldest transaction of the server that has written: what the making of a slot waits for.

    A prepared transaction has no session; it may be a forgotten one.
    """
    row = first_row(
        connection,
        """
        SELECT said FROM (
            SELECT format('pid %%s of %%s in %%s, since %%s', pid, usename, datname, xact_start::timestamptz(0)),
                   xact_start
            FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
            UNION ALL
            SELECT format('the prepared transaction %%L of %%s in %%s, since %%s', gid, owner, database,
                          prepared::timestamptz(0)),
                   prepared
            FROM pg_prepared_xacts
        ) AS writer (said, since) ORDER BY since LIMIT 1
        """,
        [],
    )
    return row[0] if row else None
