"""Values to filter and search by, from the planner's statistics: frequent ones, rare ones, and some that are absent."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from django.contrib.postgres.search import SearchVectorField
from django.db import connections, models, router


@dataclass(frozen=True)
class Column:
    """Where a column lies."""

    alias: str
    table: str
    name: str

    @classmethod
    def of(cls, field: models.Field) -> "Column":
        meta = field.model._meta
        return cls(router.db_for_read(field.model), meta.db_table, field.column)


@dataclass(frozen=True)
class Statistics:
    """What the planner knows of a column: rows of the table, values, and some of them, the frequent ones first."""

    rows: int
    distinct: float
    frequent: tuple[str, ...]
    others: tuple[str, ...]


_STATISTICS = """
    SELECT greatest(c.reltuples, 0)::bigint,
        CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * c.reltuples ELSE coalesce(s.n_distinct, 0) END,
        coalesce(s.most_common_elems::text::text[], s.most_common_vals::text::text[], '{}'),
        coalesce(s.histogram_bounds::text::text[], '{}')
    FROM pg_class AS c LEFT JOIN pg_stats AS s
        ON s.schemaname = c.relnamespace::regnamespace::text AND s.tablename = c.relname AND s.attname = %s
    WHERE c.oid = to_regclass(%s)
"""


@lru_cache
def statistics(column: Column) -> Statistics:
    """Return the statistics of a column, as the last ANALYZE left them."""
    [(rows, distinct, frequent, others)] = query(column.alias, _STATISTICS, [column.name, column.table])
    return Statistics(rows, distinct, tuple(frequent), tuple(others))


def query(alias: str, sql: str, params: Any = ()) -> list[tuple[Any, ...]]:
    """Run one statement on a database and return its rows."""
    with connections[alias].cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.fetchall()


def window(type_: str, days: int) -> tuple[str, str]:
    """Return a beginning and an end for two form fields of that type: the day that was `days` ago, until yesterday."""
    shape = "%Y-%m-%d" if type_ == "date" else "%Y-%m-%dT%H:%M"
    now = datetime.now(UTC)
    return (now - timedelta(days=days)).strftime(shape), (now - timedelta(days=1)).strftime(shape)


def exact(field: models.Field | None) -> Iterator[tuple[str, str]]:
    """Yield values of a column, each behind the word for it: frequent, rare, absent. Words, if it is no column."""
    if field is None:
        yield from (("frequent", "the"), ("rare", "volatility"), ("absent", "zqnosuchword"))
        return
    known = statistics(Column.of(field))
    rare = known.others[len(known.others) // 2 :] or known.frequent[1:][-1:]
    yield from (("frequent", value) for value in known.frequent[:1])
    yield from (("rare", value) for value in rare[:1])
    yield "absent", absent(field)


def prefixes(field: models.Field) -> Iterator[tuple[str, str]]:
    """Yield beginnings of a column's values: the commonest of one and two letters, a long one, one that is absent."""
    if isinstance(field, SearchVectorField):
        yield from exact(None)
        return
    known = statistics(Column.of(field))
    values = [value for value in (*known.frequent, *known.others) if value]
    if values:
        for length in (1, 2):
            starts = [value[:length] for value in values]
            yield f"{length} letters", max(starts, key=starts.count)
        whole = values[len(values) // 2]
        yield "long", whole[: max(3, len(whole) - 2)]
        yield "whole", whole
    yield "absent", "zq-no-such-text"


def absent(field: models.Field) -> str:
    """Return a value that the column can hold, and that no row has."""
    target = field.target_field if field.is_relation else field
    if isinstance(target, models.UUIDField):
        return "00000000-0000-4000-8000-000000000000"
    return "-1" if isinstance(target, models.IntegerField) else "no-such-value"
