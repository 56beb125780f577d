"""The rows that a person has selected, in portions."""

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import QuerySet

from nullstore.admin.lists.timeouts import statement_timeout

#: Milliseconds to find the next portion: in the order of keys a filter may have to pass many rows.
BATCH_TIMEOUT = 10_000


def valid_keys(queryset: QuerySet, keys: list[str]) -> list[Any]:
    """Return those of the keys that a row of this table can have."""
    field = queryset.model._meta.pk
    valid = []
    for key in keys:
        try:
            valid.append(field.to_python(key))
        except ValidationError:
            continue
    return valid


def in_batches(queryset: QuerySet, size: int = 1000) -> Iterator[list[Any]]:
    """Yield the primary keys of the rows, `size` at a time and in their order, each batch read when it is asked for.

    What is done to a batch may make its rows leave the queryset: the next one begins after its last key.
    """
    rows = queryset.order_by("pk")
    keys = _keys(rows, size)
    while keys:
        yield keys
        keys = _keys(rows.filter(pk__gt=keys[-1]), size)


def _keys(rows: QuerySet, size: int) -> list[Any]:
    with statement_timeout(rows.db, BATCH_TIMEOUT):
        return list(rows.values_list("pk", flat=True)[:size])
