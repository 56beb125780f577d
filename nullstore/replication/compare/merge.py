"""The sorted merge of two streams of rows, in flat memory."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import psycopg
from psycopg import sql

from nullstore.replication.compare.ends import Tick
from nullstore.replication.compare.shape import Column

Key = int | bytes

_INTEGERS: Final = ("int2", "int4", "int8")
_TICK_EVERY: Final = 8192


class Stream:
    """Rows of one side as COPY writes them, in the order of the key, which is the first column.

    `query` gets SQL of the key in a form that both servers sort alike, and Python, too.
    """

    def __init__(
        self, connection: psycopg.Connection, key: Column, query: Callable[[sql.Composable], sql.Composed]
    ) -> None:
        self._connection = connection
        self._type = key.type
        self._query = query(self._sortable(key))
        self.rows = 0

    def _sortable(self, key: Column) -> sql.Composable:
        if self._type == "uuid" or self._type in _INTEGERS:
            return key.raw()
        return sql.SQL("encode(convert_to({}, 'UTF8'), 'hex') COLLATE pg_catalog.\"C\"").format(key.text())

    def lines(self) -> Generator[bytes, None, None]:
        """Yield the rows as COPY writes them."""
        # Sorting is faster than fetching row after row in the order of the key, and asks for no more than disk.
        self._connection.execute("SET enable_indexscan = off")
        statement = sql.SQL("COPY ({}) TO STDOUT").format(self._query)
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for line in copy:
                self.rows += 1
                yield bytes(line)

    def key(self, line: bytes) -> Key:
        first = line[: line.index(b"\t")]
        return int(first) if self._type in _INTEGERS else first

    def text(self, key: Key) -> str:
        """Return the key as PostgreSQL writes it."""
        if isinstance(key, int):
            return str(key)
        return key.decode() if self._type == "uuid" else bytes.fromhex(key.decode()).decode()


def unequal(source: Stream, replica: Stream, *, tick: Tick) -> Generator[str, None, None]:
    """Yield the keys of the lines that are not the same to the byte, or are on one side only, in their order."""
    # Closed here, not by whoever collects garbage: a COPY that is under way holds its connection's lock.
    with _ending(source.lines()) as left, _ending(replica.lines()) as right:
        one, other = next(left, None), next(right, None)
        while one is not None or other is not None:
            if one == other:
                one, other = next(left, None), next(right, None)
                if source.rows % _TICK_EVERY == 0:
                    tick()
                continue
            first = None if one is None else source.key(one)
            second = None if other is None else replica.key(other)
            least = min(key for key in (first, second) if key is not None)
            yield source.text(least)
            if first == least:
                one = next(left, None)
            if second == least:
                other = next(right, None)


@contextmanager
def _ending(lines: Generator[bytes, None, None]) -> Iterator[Iterator[bytes]]:
    """Have the COPY cancelled that is still under way at the end."""
    try:
        yield lines
    finally:
        with suppress(psycopg.Error):  # a server that is gone has nothing to cancel
            lines.close()
