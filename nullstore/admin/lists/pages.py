"""One page of a list, read from its first or last row on, or from a row that a token names."""

from dataclasses import dataclass, replace
from typing import Any, Literal

from django.db import models
from django.db.models import QuerySet

from nullstore.admin.lists.keyset import Keyset

Start = Literal["first", "after", "before", "last"]


@dataclass(frozen=True)
class Position:
    """Where to read: forwards from the first row or after `place`, backwards from the last or before `place`."""

    start: Start = "first"
    place: tuple[Any, ...] = ()

    @property
    def backwards(self) -> bool:
        return self.start in ("before", "last")


@dataclass(frozen=True)
class Page:
    """The rows of a page in the list's order, and whether there are others on either side."""

    rows: list[models.Model]
    has_previous: bool
    has_next: bool


def read_page(queryset: QuerySet, keyset: Keyset, position: Position, size: int, *, sort: bool = False) -> Page:
    """Read up to `size` rows. `sort`: collect all rows of the queryset and sort them, past the index of the order.

    A page that would be cut short at an end of the list is that end's whole page.
    """
    rows = _rows(queryset, keyset, position, size + 1, sort)
    more = len(rows) > size
    if not more and position.start == "before":
        return read_page(queryset, keyset, replace(position, start="first"), size, sort=sort)
    if not rows and position.start == "after":
        return read_page(queryset, keyset, replace(position, start="last"), size, sort=sort)
    rows = rows[:size]
    if position.backwards:
        return Page(rows[::-1], has_previous=more, has_next=position.start == "before")
    return Page(rows, has_previous=position.start == "after", has_next=more)


def _rows(queryset: QuerySet, keyset: Keyset, position: Position, limit: int, sort: bool) -> list[models.Model]:
    page = queryset.order_by(*keyset.order_by(backwards=position.backwards, unindexed=sort))
    if position.start in ("after", "before"):
        page = page.filter(keyset.beyond(position.place, backwards=position.backwards, unindexed=sort))
    if not sort:
        return list(page[:limit])
    # First which rows, then the rows: else all that are sorted would first be joined to what the list joins.
    keys = list(page.values_list("pk", flat=True)[:limit])
    found = queryset.order_by().in_bulk(keys)
    return [found[key] for key in keys if key in found]
