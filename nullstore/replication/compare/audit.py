"""Finds rows that may differ by reading both tables whole and comparing them to the byte."""

from collections.abc import Generator
from typing import Final

import psycopg
from psycopg import sql

from nullstore.replication.compare.ends import Ends, Tick
from nullstore.replication.compare.merge import Stream, unequal
from nullstore.replication.compare.shape import Side, TablePair

_ROWS: Final = sql.SQL("SELECT {key}, {columns} FROM {table} AS t WHERE {where} ORDER BY 1")


class Audit:
    """One comparison to the byte. `source_rows` is known when all suspects are taken."""

    def __init__(self, pair: TablePair, ends: Ends, tick: Tick) -> None:
        self._source, self._replica = _stream(ends.source, pair.source), _stream(ends.replica, pair.replica)
        self._tick = tick

    @property
    def source_rows(self) -> int:
        return self._source.rows

    def suspects(self) -> Generator[str, None, None]:
        """Yield the keys of rows that were not the same when they were read."""
        yield from unequal(self._source, self._replica, tick=self._tick)


def _stream(connection: psycopg.Connection, side: Side) -> Stream:
    columns = sql.SQL(", ").join(column.raw() for column in side.columns)
    return Stream(
        connection,
        side.key,
        lambda key: _ROWS.format(key=key, columns=columns, table=side.table, where=side.where),
    )
