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


def server_version(connection: Connection) -> int:
    """Return the server's major version, such as 18."""
    found = first_row(connection, "SELECT current_setting('server_version_num')::int / 10000")
    assert found is not None
    return int(found[0])
