"""Rows that name a row of a replica, without a foreign key."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from nullstore.replication.catalog.query import Connection, rows


@dataclass(frozen=True, slots=True)
class Dangling:
    """A key that the replica does not have, and how many rows name it."""

    key: UUID
    rows: int


def dangling(connection: Connection, replica: str, *, named_by: str, column: str, limit: int) -> tuple[UUID, ...]:
    """Return at most `limit` of the keys in public.`named_by`.`column` that public.`replica` does not have.

    Reads both indexes from end to end. All names are checked identifiers (nullstore.identifiers).
    """
    found = rows(
        connection,
        f"SELECT DISTINCT {column} FROM public.{named_by} AS t WHERE {column} IS NOT NULL "
        f"AND NOT EXISTS (SELECT FROM public.{replica} AS r WHERE r.id = t.{column}) LIMIT %s",
        [limit],
    )
    return tuple(key for (key,) in found)


def naming_rows(
    connection: Connection, replica: str, keys: Sequence[UUID], *, named_by: str, column: str, older: float
) -> tuple[Dangling, ...]:
    """Return those of `keys` that public.`replica` does not have, with the rows of public.`named_by` that have named
    them for more than `older` seconds.
    """
    found = rows(
        connection,
        f"SELECT {column}, count(*) FROM public.{named_by} AS t WHERE {column} = ANY (%s) "
        "AND updated_at < now() - make_interval(secs => %s) "
        f"AND NOT EXISTS (SELECT FROM public.{replica} AS r WHERE r.id = t.{column}) GROUP BY 1 ORDER BY 1",
        [list(keys), older],
    )
    return tuple(Dangling(*row) for row in found)


def existing(connection: Connection, table: str, keys: Sequence[UUID]) -> frozenset[UUID]:
    """Return those of `keys` that public.`table` has."""
    found = rows(connection, f"SELECT id FROM public.{table} WHERE id = ANY (%s)", [list(keys)])
    return frozenset(key for (key,) in found)
