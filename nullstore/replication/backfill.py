"""Fills an empty replica with its source's rows, several times as fast as PostgreSQL's own table sync.

That one writes every row into every index of the table, which is what takes its time, and sends text. What this does
instead is how the manual advises to fill a database:
https://www.postgresql.org/docs/18/populate.html ("Remove Indexes"), sql-copy.html (FREEZE, binary format).
"""

from typing import Final

import psycopg
from psycopg import sql

from nullstore.databases import USER_SYNC
from nullstore.exceptions import ComparisonError
from nullstore.replication.bulk import indexes_after
from nullstore.replication.compare.ends import Ends
from nullstore.replication.compare.shape import Column, read_columns
from nullstore.replication.specs import PublishedTable

#: PostgreSQL's own types whose binary form is the same in every database and version; others (enums, an extension's,
#: what is an oid within) travel as text.
_PORTABLE: Final = frozenset(
    """bool bytea char name int2 int4 int8 float4 float8 numeric text varchar bpchar json jsonb uuid date time timetz
    timestamp timestamptz interval inet cidr macaddr""".split()  # noqa: SIM905
)
# FREEZE and TRUNCATE are for ordinary tables that no foreign key refers to.
_ORDINARY: Final = """
    SELECT relkind = 'r' AND NOT relispartition AND NOT relhassubclass
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE confrelid = pg_class.oid AND contype = 'f')
    FROM pg_class WHERE oid = to_regclass('public.' || quote_ident(%s))
"""


def backfill(ends: Ends, replica: psycopg.Connection, table: PublishedTable) -> None:
    """Copy what `ends` sees of the source of `table` into its empty replica, in the transaction open on `replica`.

    The caller has lifted the write guard. From the first row on others wait for the end of the transaction: what they
    would see is a table without any rows. Nothing is locked if the source has none. Raises ComparisonError if the
    replica lacks a column.
    """
    source, target = read_columns(ends.source, table.name), read_columns(ends.replica, table.name)
    names = _written(source, target, table)
    rows = sql.SQL("SELECT {columns} FROM {table} AS t WHERE {where}").format(
        columns=sql.SQL(", ").join(sql.Identifier("t", name) for name in names),
        table=sql.Identifier("public", table.name),
        where=sql.SQL(table.where or "true"),
    )
    if ends.source.execute(sql.SQL("{} LIMIT 1").format(rows)).fetchone() is None:
        return
    binary = all(source[name].type == target[name].type and _is_portable(source[name].type) for name in names)
    row = replica.execute(_ORDINARY, [table.name]).fetchone()
    into = sql.SQL("{} ({})").format(
        sql.Identifier("public", table.name), sql.SQL(", ").join(map(sql.Identifier, names))
    )
    if row == (True,):
        replica.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier("public", table.name)))
        with indexes_after(replica, table.name):
            _copy(ends.source, rows, replica, into, binary=binary, freeze=True)
    else:
        _copy(ends.source, rows, replica, into, binary=binary, freeze=False)
    replica.execute(sql.SQL("ANALYZE {}").format(sql.Identifier("public", table.name)))


def _written(source: dict[str, Column], target: dict[str, Column], table: PublishedTable) -> list[str]:
    """Return the columns to copy: those that are published, but what the replica generates itself."""
    published = [name for name in source if table.columns is None or name in table.columns]
    if missing := [name for name in published if name not in target]:
        raise ComparisonError(
            f"The table {table.name} of {USER_SYNC.subscriber} lacks columns that its source has: {', '.join(missing)}."
        )
    return [name for name in published if not target[name].generated]


def _is_portable(kind: str) -> bool:
    return kind.removeprefix("_") in _PORTABLE


def _copy(
    source: psycopg.Connection,
    rows: sql.Composed,
    replica: psycopg.Connection,
    into: sql.Composed,
    *,
    binary: bool,
    freeze: bool,
) -> None:
    form = sql.SQL("binary" if binary else "text")
    read = sql.SQL("COPY ({}) TO STDOUT (FORMAT {})").format(rows, form)
    write = sql.SQL("COPY {} FROM STDIN (FORMAT {}, FREEZE {})").format(into, form, freeze)
    with source.cursor().copy(read) as coming, replica.cursor().copy(write) as going:
        for block in coming:
            going.write(block)
