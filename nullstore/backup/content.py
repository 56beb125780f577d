"""What a database holds, in few words: rows and a hash for each table."""

from typing import Final, NamedTuple

import psycopg
from psycopg import sql

from nullstore.exceptions import BackupError
from nullstore.replication.compare.shape import Column, read_columns

# The tables whose rows pg_dump takes along: not those of extensions, nor partitioned ones, whose partitions it has.
_TABLES: Final = """
    SELECT nspname, relname, ARRAY(
        SELECT attname::text FROM pg_index JOIN pg_attribute AS a ON a.attrelid = indrelid AND attnum = ANY (indkey)
        WHERE indrelid = c.oid AND indisprimary ORDER BY array_position(indkey::int2[], attnum))
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'm') AND relpersistence <> 't' AND nspname !~ '^pg_' AND nspname <> 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid AND deptype = 'e')
    ORDER BY 1, 2
"""
# OFFSET 0 keeps the planner from hashing each row three times.
_HASH: Final = sql.SQL(
    "SELECT count(*), coalesce(bit_xor(hash), 0), coalesce(sum(hash >> 20), 0) "
    "FROM (SELECT hash_record_extended(ROW({columns}), {seed}) AS hash FROM {table} AS t OFFSET 0) AS hashed"
)


#: The columns of the primary key of each table, by schema and name.
Keys = dict[tuple[str, str], tuple[str, ...]]


class Content(NamedTuple):
    """The rows of a table, and a hash of all of them: the same for the same content, on every server from 15 on."""

    rows: int
    hash: str


def tables(connection: psycopg.Connection) -> Keys:
    """Return the columns of the primary key of each table, by schema and name."""
    found = connection.execute(_TABLES).fetchall()
    return {(schema, name): tuple(key) for schema, name, key in found}


def content(connection: psycopg.Connection, schema: str, name: str, key: tuple[str, ...]) -> Content:
    """Return what is in the table, as `connection` sees it. Raises BackupError where it may not be read."""
    columns = [column for column in read_columns(connection, name, schema).values() if not column.generated]
    query = _HASH.format(
        columns=_list(columns),
        # Rows that swapped a value must not cancel out.
        seed=_seed([column for column in columns if column.name in key]),
        table=sql.Identifier(schema, name),
    )
    try:
        row = connection.execute(query).fetchone()
    except psycopg.errors.InsufficientPrivilege as error:
        raise BackupError(f"The table {schema}.{name} may not be read: {error.diag.message_primary}.") from error
    assert row is not None
    rows, xor, total = row
    return Content(rows, f"{xor & 0xFFFF_FFFF_FFFF_FFFF:016x}{int(total) & 0xFFFF_FFFF_FFFF_FFFF:016x}")


def _list(columns: list[Column]) -> sql.Composed:
    return sql.SQL(", ").join(column.hashed(exact=column.is_exact) for column in columns)


def _seed(key: list[Column]) -> sql.Composable:
    return sql.SQL("hash_record_extended(ROW({}), 0)").format(_list(key)) if key else sql.SQL("0")
