"""Brings a replica that has rows to what its source says, without emptying it.

Used where a subscription is made for a table that is not empty: PostgreSQL's own table sync would loop on duplicate
keys there, and emptying the table first would lose the tasks' references to users.
"""

from collections.abc import Sequence

import psycopg
from psycopg import sql


def stage(source: psycopg.Connection, replica: psycopg.Connection, table: str) -> None:
    """Copy `table` as `source` sees it to a temporary table of `replica`, which goes with the open transaction."""
    columns = _columns(replica, table)
    names = {"table": sql.Identifier("public", table), "staged": _staged(table), "columns": _list(columns)}
    replica.execute(
        sql.SQL("CREATE TEMPORARY TABLE {staged} ON COMMIT DROP AS SELECT {columns} FROM {table} LIMIT 0").format(
            **names
        )
    )
    read = sql.SQL("COPY (SELECT {columns} FROM {table}) TO STDOUT (FORMAT binary)").format(**names)
    write = sql.SQL("COPY {staged} ({columns}) FROM STDIN (FORMAT binary)").format(**names)
    with source.cursor().copy(read) as rows, replica.cursor().copy(write) as staged:
        for block in rows:
            staged.write(block)
    replica.execute(sql.SQL("CREATE UNIQUE INDEX ON {staged} (id)").format(**names))
    replica.execute(sql.SQL("ANALYZE {staged}").format(**names))


def merge(replica: psycopg.Connection, table: str) -> None:
    """Make `table` equal to what stage() copied. The caller has lifted the write guard.

    Rows that are equal are not touched; for those that are deleted, triggers that fire on replicated deletes fire.
    Readers see the old rows until the caller commits.
    """
    columns = _columns(replica, table)
    replica.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(sql.Identifier("public", table)))
    for statement in (_DELETE, _UPDATE, _INSERT):
        replica.execute(
            sql.SQL(statement).format(
                table=sql.Identifier("public", table),
                staged=_staged(table),
                columns=_list(columns),
                old=_list(columns, "old"),
                new=_list(columns, "new"),
            )
        )


_DELETE = "DELETE FROM {table} AS old WHERE NOT EXISTS (SELECT FROM {staged} AS new WHERE new.id = old.id)"
# Compared as text: as jsonb and numeric, 1.0 and 1.00 are equal.
_UPDATE = (
    "UPDATE {table} AS old SET ({columns}) = ROW({new}) FROM {staged} AS new "
    "WHERE new.id = old.id AND ROW({old})::text IS DISTINCT FROM ROW({new})::text"
)
_INSERT = (
    "INSERT INTO {table} ({columns}) SELECT {new} FROM {staged} AS new "
    "WHERE NOT EXISTS (SELECT FROM {table} AS old WHERE old.id = new.id)"
)


def _staged(table: str) -> sql.Identifier:
    return sql.Identifier(f"staged_{table}"[:63])


def _columns(connection: psycopg.Connection, table: str) -> list[str]:
    rows = connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = ('public.' || quote_ident(%s))::regclass "
        "AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum",
        [table],
    ).fetchall()
    return [name for (name,) in rows]


def _list(columns: Sequence[str], alias: str | None = None) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(*filter(None, (alias, column))) for column in columns)
