"""How many rows a list has, at a price that does not grow with the table."""

from typing import Self

from django.db import DatabaseError, connections, models
from django.db.models import QuerySet

from nullstore.admin.lists.timeouts import COUNT_TIMEOUT, statement_timeout, timed_out

#: Up to this many rows are counted; tables that are estimated to have no more are, too.
COUNT_LIMIT = 10_000


class RowCount(int):
    """A number of rows that says how exact it is when it is shown. As a number it can be compared with others."""

    text: str

    def __new__(cls, value: int, text: str | None = None) -> Self:
        count = super().__new__(cls, value)
        count.text = f"{value:,}" if text is None else text
        return count

    def __str__(self) -> str:
        return self.text

    @classmethod
    def about(cls, value: int) -> Self:
        return cls(value, f"≈ {value:,}")

    @classmethod
    def more_than(cls, value: int) -> Self:
        """Return one that is, as a number, above `value`."""
        return cls(value + 1, f"more than {value:,}")

    @classmethod
    def unknown(cls) -> Self:
        return cls(0, "an unknown number of")


def estimate(model: type[models.Model], alias: str) -> int:
    """Return how many rows the table had when it was last vacuumed or analyzed; -1 if it never was."""
    with connections[alias].cursor() as cursor:
        cursor.execute(
            "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass",
            [connections[alias].ops.quote_name(model._meta.db_table)],
        )
        return int(cursor.fetchone()[0])


def bounded_count(queryset: QuerySet, limit: int = COUNT_LIMIT) -> RowCount:
    """Count the rows, but no more than `limit` + 1 of them. Needs no order, so the planner takes the shortest way."""
    found = queryset.order_by().values("pk")[: limit + 1].count()
    return RowCount(found) if found <= limit else RowCount.more_than(limit)


def quick_count(queryset: QuerySet) -> RowCount | None:
    """Count the rows as bounded_count() does; None if that takes longer than COUNT_TIMEOUT."""
    try:
        with statement_timeout(queryset.db, COUNT_TIMEOUT):
            return bounded_count(queryset)
    except DatabaseError as error:
        if timed_out(error):
            return None
        raise


def count_of(queryset: QuerySet) -> RowCount | None:
    """Count the rows of a list: estimated where nothing is filtered and the table is big. None if it takes too long."""
    if not queryset.query.where:
        rows = estimate(queryset.model, queryset.db)
        if rows > COUNT_LIMIT:
            return RowCount.about(rows)
    return quick_count(queryset)
