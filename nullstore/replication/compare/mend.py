"""Writes rows of the replica as their source has them, and deletes rows that it should not have.

Exact while writers and apply go on. A row that is to be written is locked in the source while it is copied, and
nothing about it is on its way when it is written. A row that is to be deleted must still be the version that was found,
and still be unknown to the source.
"""

from collections.abc import Sequence
from typing import Final

import psycopg
from psycopg import sql

from nullstore.replication.compare.ends import Ends
from nullstore.replication.compare.settle import Fence, Finding
from nullstore.replication.compare.shape import Side, TablePair
from nullstore.replication.guard import LIFT_GUARD

_STAGED: Final = sql.Identifier("pg_temp", "staged")
_STAGE: Final = sql.SQL("CREATE TEMPORARY TABLE staged ON COMMIT DROP AS SELECT {columns} FROM {table} LIMIT 0")
# A row that somebody has locked is left for a later attempt: waiting for it could be one side of a deadlock.
_READ: Final = sql.SQL(
    "COPY (SELECT {columns} FROM {table} AS t WHERE {where} AND {keys} ORDER BY {key} FOR SHARE SKIP LOCKED) TO STDOUT"
)
_WRITE: Final = sql.SQL("COPY {staged} ({columns}) FROM STDIN")
_UPDATE: Final = sql.SQL(
    "UPDATE {table} AS t SET ({columns}) = ROW({new}) FROM {staged} AS s WHERE s.{key} = t.{key} AND ({differs})"
)
_INSERT: Final = sql.SQL(
    "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {new} FROM {staged} AS s "
    "WHERE NOT EXISTS (SELECT FROM {table} AS t WHERE t.{key} = s.{key})"
)
_LOCK: Final = sql.SQL(
    "SELECT {key}::text FROM {table} AS t WHERE {keys} "
    "AND (t.xmin::text, {key}::text) IN (SELECT * FROM unnest({xmins}::text[], {ids}::text[])) "
    "ORDER BY {key} FOR UPDATE SKIP LOCKED"
)
_PRESENT: Final = sql.SQL("SELECT {key}::text FROM {table} AS t WHERE {where} AND {keys}")
_DELETE: Final = sql.SQL("DELETE FROM {table} AS t WHERE {keys}")


def write_rows(pair: TablePair, ends: Ends, keys: Sequence[str], fence: Fence) -> dict[str, int]:
    """Write the rows with these keys into the replica as the source has them; return how many of which kind.

    Rows that are the same by now, are gone from the source or are locked there are left alone.
    """
    with ends.source.transaction(), ends.replica.transaction():  # the replica commits first
        _stage(pair, ends, keys)
        fence()
        ends.replica.execute(LIFT_GUARD)
        different = ends.replica.execute(_update(pair)).rowcount
        missing = ends.replica.execute(_insert(pair)).rowcount
    return {"missing": missing, "different": different}


def delete_rows(pair: TablePair, ends: Ends, findings: Sequence[Finding], fence: Fence) -> int:
    """Delete rows of the replica that the source does not have, if they are what was found; return how many."""
    found = {finding.difference.id: finding.replica.xmin for finding in findings if finding.replica}
    keys = sorted(found.keys() - _present(pair.source, ends.source, list(found)))
    fence()
    with ends.replica.transaction():
        ends.replica.execute(LIFT_GUARD)
        side = pair.replica
        lock = _LOCK.format(
            key=side.key.raw(), table=side.table, keys=side.keys(keys), ids=keys, xmins=[found[key] for key in keys]
        )
        held = {key for (key,) in ends.replica.execute(lock).fetchall()}
        gone = sorted(held - _present(pair.source, ends.source, list(held)))
        return ends.replica.execute(_DELETE.format(table=side.table, keys=side.keys(gone))).rowcount


def _stage(pair: TablePair, ends: Ends, keys: Sequence[str]) -> None:
    """Lock the rows in the source and copy them, as text, into a temporary table of the replica's server."""
    names = sql.SQL(", ").join(map(sql.Identifier, pair.written))
    ends.replica.execute(_STAGE.format(columns=names, table=pair.replica.table))
    source = pair.source
    read = _READ.format(
        columns=sql.SQL(", ").join(sql.Identifier("t", name) for name in pair.written),
        table=source.table,
        where=source.where,
        key=source.key.raw(),
        keys=source.keys(keys),
    )
    write = _WRITE.format(staged=_STAGED, columns=names)
    with ends.source.cursor().copy(read) as rows, ends.replica.cursor().copy(write) as staged:
        for row in rows:
            staged.write(row)


def _update(pair: TablePair) -> sql.Composed:
    columns = [column for column in pair.replica.columns if column.name in pair.written]
    differs = (
        sql.SQL("{} IS DISTINCT FROM {}").format(column.text("t"), column.text("s"))
        for column in columns
        if column.name != pair.replica.key.name
    )
    return _UPDATE.format(**_names(pair), differs=sql.SQL(" OR ").join(differs))


def _insert(pair: TablePair) -> sql.Composed:
    return _INSERT.format(**_names(pair))


def _names(pair: TablePair) -> dict[str, sql.Composable]:
    return {
        "table": pair.replica.table,
        "staged": _STAGED,
        "columns": sql.SQL(", ").join(map(sql.Identifier, pair.written)),
        "new": sql.SQL(", ").join(sql.Identifier("s", name) for name in pair.written),
        "key": sql.Identifier(pair.replica.key.name),
    }


def _present(side: Side, connection: psycopg.Connection, keys: Sequence[str]) -> set[str]:
    query = _PRESENT.format(key=side.key.raw(), table=side.table, where=side.where, keys=side.keys(keys))
    return {key for (key,) in connection.execute(query).fetchall()}
