"""How the catalog's functions ask, on Django's connection and on psycopg's alike."""

from typing import Any, Protocol


class Connection(Protocol):
    """What Django's and psycopg's connections have in common."""

    def cursor(self) -> Any: ...


def first_row(connection: Connection, query: str, parameters: list[Any] | None = None) -> tuple[Any, ...] | None:
    """Return the first row of the query's result, or None."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        found: tuple[Any, ...] | None = cursor.fetchone()
        return found


def rows(connection: Connection, query: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    """Return all rows of the query's result."""
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())
