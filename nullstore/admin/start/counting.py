"""Numbers of rows at a bounded price: what the planner expects where that is many, counted where it is few."""

import json
from math import floor, log10
from typing import Any, Final

from django.db.models import QuerySet

from nullstore.admin.lists.counts import COUNT_LIMIT, RowCount, bounded_count

#: Where the planner expects few, up to this many are counted: its statistics may be older than the rows.
_FEW: Final = 5 * COUNT_LIMIT


def rows_of(queryset: QuerySet) -> RowCount:
    """Return how many rows there are: estimated from the planner's statistics if they say many, else counted."""
    expected = _expected(queryset)
    if expected > COUNT_LIMIT:
        return RowCount.about(_rounded(expected))
    return bounded_count(queryset, _FEW)


def _expected(queryset: QuerySet) -> int:
    """Return how many rows the planner expects, which it says without reading any."""
    plan: dict[str, Any]
    (plan,) = json.loads(queryset.order_by().values("pk").explain(format="json"))
    return int(plan["Plan"]["Plan Rows"])


def _rounded(number: int) -> int:
    """Return the number with three digits that count: more would claim what an estimate does not know."""
    unit: int = 10 ** max(floor(log10(number)) - 2, 0)
    return round(number / unit) * unit
