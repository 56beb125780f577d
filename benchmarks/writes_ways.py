"""The ways to write rows: through the ORM, and by psycopg into any table that has the same columns."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice
from typing import Any, Final

import psycopg

from benchmarks.writes_rows import Rows

Writer = Callable[[psycopg.Connection, str, Rows], None]

#: A statement has 65,535 parameters at most; more rows at once are no faster.
_ROWS_AT_ONCE: Final = 250


def create(rows: Rows) -> None:
    """Write through the ORM, one by one."""
    make = rows.model.objects.create
    for row in rows.named:
        make(**row)


def bulk_create(rows: Rows) -> None:
    """Write through the ORM, all at once; making the objects is part of it, as it is of create()."""
    rows.model.objects.bulk_create([rows.model(**row) for row in rows.named])


def one_by_one(connection: psycopg.Connection, table: str, rows: Rows) -> None:
    statement = _insert(table, rows, 1)
    with connection.cursor() as cursor:
        for row in rows.plain:
            cursor.execute(statement, row)


def executemany(connection: psycopg.Connection, table: str, rows: Rows) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(_insert(table, rows, 1), rows.plain)


def multi_row(connection: psycopg.Connection, table: str, rows: Rows) -> None:
    with connection.cursor() as cursor:
        for batch in _batches(rows.plain):
            # Else one is prepared when it has come five times: in the middle of what is measured.
            cursor.execute(_insert(table, rows, len(batch)), list(chain.from_iterable(batch)), prepare=False)


def copy(connection: psycopg.Connection, table: str, rows: Rows) -> None:
    copy_rows(connection, table, rows.columns, rows.plain)


def copy_rows(
    connection: psycopg.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} ({_names(columns)}) FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


#: The ways of psycopg, by name.
WAYS: Final[dict[str, Writer]] = {
    "one by one": one_by_one,
    "multi-row": multi_row,
    "executemany": executemany,
    "COPY": copy,
}


def _batches(rows: Sequence[tuple[Any, ...]]) -> Iterable[list[tuple[Any, ...]]]:
    left = iter(rows)
    while batch := list(islice(left, _ROWS_AT_ONCE)):
        yield batch


def _insert(table: str, rows: Rows, count: int) -> str:
    one = f"({', '.join(['%s'] * len(rows.columns))})"
    return f"INSERT INTO {table} ({_names(rows.columns)}) VALUES {', '.join([one] * count)}"


def _names(columns: Sequence[str]) -> str:
    return ", ".join(f'"{column}"' for column in columns)
