"""Finds rows that may differ by hashing both tables in their servers, in blocks of rows with a like hash of the key."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import sql

from nullstore.replication.compare.ends import Ends, Tick
from nullstore.replication.compare.merge import Stream, unequal
from nullstore.replication.compare.shape import Side, TablePair

#: More blocks cost the servers more (a fifth at 16,384), fewer leave more rows to look into.
_BLOCKS: Final = 1024
#: Blocks that differ and hold more rows than this are hashed again, each divided by so many.
_ROWS_TO_READ: Final = 50_000
_PARTS: Final = 64

_HASHES: Final = sql.SQL(
    "SELECT block, count(*), bit_xor(hash) FROM (SELECT {seed} & {mask} AS block, {hash} AS hash "
    "FROM {table} AS t WHERE {where}) AS hashed GROUP BY block"
)
# Blocks cost the servers a quarter more. Whoever compares tables that are equal, as most are, need not pay that.
_WHOLE: Final = sql.SQL("SELECT count(*), bit_xor({hash}) FROM {table} AS t WHERE {where}")
_ROWS: Final = sql.SQL("SELECT {key}, {hash} FROM {table} AS t WHERE {where} ORDER BY 1")

#: Number of rows and hash, by block.
Hashes = dict[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the table: the blocks with these numbers, of `count` (a power of two) that make up all of it."""

    count: int = 1
    blocks: tuple[int, ...] = (0,)

    def condition(self, side: Side) -> sql.Composable:
        if self.count == 1:
            return side.where
        # As int8[], the type on the left: else the server searches the list from its beginning for every row.
        wanted = sql.SQL("{} & {} = ANY ({}::int8[])").format(side.seed(), self.count - 1, list(self.blocks))
        return sql.SQL("{} AND {}").format(side.where, wanted)


class Blocks:
    """One comparison by hashes. `source_rows` is known when the first suspect is."""

    def __init__(self, pair: TablePair, ends: Ends, tick: Tick) -> None:
        self._pair, self._ends, self._tick = pair, ends, tick
        self.source_rows = 0

    def suspects(self) -> Generator[str, None, None]:
        """Yield the keys of rows that were not the same when they were read.

        All rows that stay different are among them, except that one in 2**64 goes unseen.
        """
        if self._equal():
            return
        source, replica = self._hash(_Part(), _BLOCKS)
        self.source_rows = sum(count for count, _ in source.values())
        part, rows = _differing(_BLOCKS, source, replica)
        if rows > _ROWS_TO_READ:
            finer = _BLOCKS * _PARTS
            part, rows = _differing(finer, *self._hash(part, finer))
        if part.blocks:
            yield from unequal(*self._streams(part), tick=self._tick)

    def _equal(self) -> bool:
        """Tell whether both tables have as many rows and the same hash of all of them."""
        pair = self._pair
        queries = [
            _WHOLE.format(hash=side.row_hash(), table=side.table, where=side.where)
            for side in (pair.source, pair.replica)
        ]
        source, replica = self._ends.both(*queries, tick=self._tick)
        ((self.source_rows, _),) = source
        return source == replica

    def _hash(self, part: _Part, count: int) -> tuple[Hashes, Hashes]:
        """Return the hashes of `part`, divided into as many blocks as makes `count` of the table."""
        connections = (self._ends.source, self._ends.replica)
        # The planner expects as many blocks as rows, and would sort them.
        for connection in connections:
            connection.execute("SET enable_sort = off")
        source, replica = (
            _HASHES.format(
                seed=side.seed(), mask=count - 1, hash=side.row_hash(), table=side.table, where=part.condition(side)
            )
            for side in (self._pair.source, self._pair.replica)
        )
        found = self._ends.both(source, replica, tick=self._tick)
        for connection in connections:
            connection.execute("RESET enable_sort")
        one, other = ({block: (rows, value) for block, rows, value in each} for each in found)
        return one, other

    def _streams(self, part: _Part) -> tuple[Stream, Stream]:
        return (
            _stream(self._ends.source, self._pair.source, part),
            _stream(self._ends.replica, self._pair.replica, part),
        )


def _differing(count: int, source: Hashes, replica: Hashes) -> tuple[_Part, int]:
    """Return the blocks that differ, and how many rows are in them."""
    blocks = sorted(block for block in {**source, **replica} if source.get(block) != replica.get(block))
    rows = sum(max(source.get(block, (0, 0))[0], replica.get(block, (0, 0))[0]) for block in blocks)
    return _Part(count, tuple(blocks)), rows


def _stream(connection: psycopg.Connection, side: Side, part: _Part) -> Stream:
    hashed, where = side.row_hash(), part.condition(side)
    return Stream(connection, side.key, lambda key: _ROWS.format(key=key, hash=hashed, table=side.table, where=where))
