"""Brings a replica that has rows to what its source says, without emptying it and without copying what is equal.

Used where a subscription is made for a table that is not empty: PostgreSQL's own table sync would loop on duplicate
keys there, and emptying the table first would lose the tasks' references to users.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Final

import psycopg
from psycopg import sql

from nullstore.exceptions import ReplicationError
from nullstore.replication import catalog
from nullstore.replication.compare.blocks import Blocks
from nullstore.replication.compare.ends import Ends
from nullstore.replication.compare.shape import TablePair, match, read_columns
from nullstore.replication.specs import PublishedTable

#: If more rows differ, all are copied: finding each by its key would cost more than it saves.
_MOST: Final = 100_000
_BATCH: Final = 10_000
_STAGED: Final = sql.Identifier("pg_temp", "staged")
_SUSPECTS: Final = sql.Identifier("pg_temp", "suspects")


def reconcile(ends: Ends, replica: psycopg.Connection, table: PublishedTable) -> None:
    """Make the replica of `table` equal to what `ends` sees of the source, in the transaction open on `replica`.

    The caller has lifted the write guard. Rows that are equal are not touched; for those that are deleted, triggers
    that fire on replicated deletes fire. Readers see the old rows until the caller commits. Raises ComparisonError if
    the replica lacks a column.
    """
    pair = _pair(ends, table)
    # Nobody but this transaction writes it any more; what the hashes say holds.
    replica.execute(sql.SQL("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE").format(pair.replica.table))
    # Leaving off in the middle cancels a COPY; in a savepoint, that leaves the snapshot's transaction usable.
    with ends.source.transaction(force_rollback=True), closing(Blocks(pair, ends, _no_tick).suspects()) as found:
        suspects = list(islice(found, _MOST + 1))
    if not suspects:
        return
    merge = _Merge(pair, replica, None if len(suspects) > _MOST else suspects)
    merge.stage(ends.source)
    merge.run()


@dataclass(frozen=True, slots=True)
class _Merge:
    """`keys` None stands for all rows."""

    pair: TablePair
    replica: psycopg.Connection
    keys: Sequence[str] | None

    def stage(self, source: psycopg.Connection) -> None:
        """Copy the source's rows with these keys into a temporary table, which goes with the transaction."""
        self._execute("CREATE TEMPORARY TABLE staged ON COMMIT DROP AS SELECT {columns} FROM {table} LIMIT 0")
        self._execute("CREATE TEMPORARY TABLE suspects ON COMMIT DROP AS SELECT {key} FROM {table} LIMIT 0")
        for condition in self._conditions():
            read = sql.SQL("COPY (SELECT {columns} FROM {table} AS t WHERE {where} AND {condition}) TO STDOUT").format(
                columns=self._columns("t"),
                table=self.pair.source.table,
                where=self.pair.source.where,
                condition=condition,
            )
            write = sql.SQL("COPY {} ({}) FROM STDIN").format(_STAGED, self._columns())
            with source.cursor().copy(read) as rows, self.replica.cursor().copy(write) as staged:
                for block in rows:
                    staged.write(block)
        self._execute("CREATE UNIQUE INDEX ON {staged} ({key})")
        self._execute("ANALYZE {staged}")

    def run(self) -> None:
        """Delete, update and insert what differs; delete first, because unique values can swap."""
        if self.keys is None:
            self._execute("INSERT INTO {suspects} SELECT {key} FROM {table}")
        else:
            with self.replica.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(_SUSPECTS)) as copy:
                for key in self.keys:
                    copy.write_row((key,))
        for statement in (_DELETE, _UPDATE, _INSERT):
            self._execute(statement)
        self._execute("DROP TABLE {staged}, {suspects}")

    def _conditions(self) -> Iterator[sql.Composable]:
        if self.keys is None:
            yield sql.SQL("true")
            return
        for start in range(0, len(self.keys), _BATCH):
            yield self.pair.source.keys(self.keys[start : start + _BATCH])

    def _execute(self, statement: str) -> None:
        self.replica.execute(
            sql.SQL(statement).format(
                table=self.pair.replica.table,
                staged=_STAGED,
                suspects=_SUSPECTS,
                key=sql.Identifier(self.pair.replica.key.name),
                columns=self._columns(),
                old=self._columns("old"),
                new=self._columns("new"),
            )
        )

    def _columns(self, row: str | None = None) -> sql.Composed:
        names = (sql.Identifier(*filter(None, (row, name))) for name in self.pair.written)
        return sql.SQL(", ").join(names)


_DELETE: Final = (
    "DELETE FROM {table} AS old USING {suspects} AS s WHERE s.{key} = old.{key} "
    "AND NOT EXISTS (SELECT FROM {staged} AS new WHERE new.{key} = old.{key})"
)
# Compared as text: as jsonb and numeric, 1.0 and 1.00 are equal.
_UPDATE: Final = (
    "UPDATE {table} AS old SET ({columns}) = ROW({new}) FROM {staged} AS new "
    "WHERE new.{key} = old.{key} AND ROW({old})::text IS DISTINCT FROM ROW({new})::text"
)
_INSERT: Final = (
    "INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {new} FROM {staged} AS new "
    "WHERE NOT EXISTS (SELECT FROM {table} AS old WHERE old.{key} = new.{key})"
)


def _pair(ends: Ends, table: PublishedTable) -> TablePair:
    identity = catalog.replica_identity(ends.source, table.name) or frozenset()
    if len(identity) != 1:
        raise ReplicationError(
            f"{table.name} has rows in the replica and no primary key of one column by which they could be compared. "
            "Empty it there, then run the same again."
        )
    columns = read_columns(ends.source, table.name)
    if table.columns is not None:
        columns = {name: column for name, column in columns.items() if name in table.columns}
    return match(
        columns,
        read_columns(ends.replica, table.name),
        key=next(iter(identity)),
        where=table.where,
        names=(table.name, table.name),
    )


def _no_tick() -> None:
    """Nobody watches."""
