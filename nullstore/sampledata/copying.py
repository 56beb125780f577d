"""Writing rows to one database: COPY on Django's own connection, inside its transaction."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString, NamedTuple, TypeVar

from django.db import connections
from psycopg import Cursor, sql

T = TypeVar("T")
Row = tuple[Any, ...]
Params = Sequence[Any] | Mapping[str, Any]


class Table(NamedTuple):
    """A table and those of its columns that are written; the others get their defaults."""

    name: str
    columns: tuple[str, ...]

    @classmethod
    def of(cls, name: str, columns: str) -> "Table":
        """Return a table whose columns are the words of `columns`."""
        return cls(name, tuple(columns.split()))


class Target:
    """One database to write to. Counts the rows per table; with `dry_run` it counts only.

    Statements go past Django's cursor, which in DEBUG would keep each of them in memory.
    """

    def __init__(self, alias: str, *, dry_run: bool) -> None:
        self.alias = alias
        self.dry_run = dry_run
        self.rows: Counter[str] = Counter()
        self._analyzed: set[str] = set()

    def copy(self, table: Table, rows: Sequence[Row]) -> None:
        """Write `rows`, which have the columns of `table` in that order."""
        self.rows[table.name] += len(rows)
        if self.dry_run or not rows:
            return
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(table.name), sql.SQL(", ").join(map(sql.Identifier, table.columns))
        )
        with connections[self.alias].wrap_database_errors, self._cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
        self._analyze_once(table.name)

    def execute(self, statement: LiteralString, params: Params = ()) -> int:
        """Run one statement and return how many rows it wrote; a dry run skips it and returns 0."""
        if self.dry_run:
            return 0
        with connections[self.alias].wrap_database_errors, self._cursor() as cursor:
            return cursor.execute(statement, params).rowcount

    def query(self, statement: LiteralString, params: Params = ()) -> list[Row]:
        """Run one statement that only reads, in a dry run as well, and return its rows."""
        with connections[self.alias].wrap_database_errors, self._cursor() as cursor:
            return cursor.execute(statement, params).fetchall()

    def analyze(self) -> None:
        """Give the planner fresh statistics of every table that was written."""
        for name in sorted(self._analyzed):
            self._run(sql.SQL("ANALYZE {}").format(sql.Identifier(name)))

    def _analyze_once(self, name: str) -> None:
        # A table that was emptied and vacuumed counts 0 rows in pg_class, and then all indexes with the id in them cost
        # about the same: PostgreSQL 18 was seen to look foreign keys up by scanning the whole of one that ends with it.
        if name not in self._analyzed:
            self._analyzed.add(name)
            # One column is quick, and counts the rows all the same.
            self._run(sql.SQL("ANALYZE {} (id)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        with connections[self.alias].wrap_database_errors, self._cursor() as cursor:
            cursor.execute(statement)

    def _cursor(self) -> Cursor[Row]:
        connection = connections[self.alias]
        connection.ensure_connection()
        cursor: Cursor[Row] = connection.connection.cursor()
        return cursor


def one_ahead(batches: Iterator[T]) -> Iterator[T]:
    """Yield `batches`; the next is made in a thread while the server works on the last."""
    with ThreadPoolExecutor(max_workers=1) as worker:
        coming = worker.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = worker.submit(next, batches, None)
            yield batch
