"""Searching a list: whole ids, and texts by what an index can look up."""

from functools import reduce
from operator import or_
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

NOTHING = Q(pk__in=())
#: Lookups that a name in search_fields may end with; any other name is searched for a part of the text, in any case.
LOOKUPS = ("exact", "iexact", "startswith", "istartswith", "contains")


class IdSearch(admin.ModelAdmin):
    """Looks a whole UUID up in the columns `search_ids` too, by their indexes.

    What was typed is one text, spaces included. `=id` in search_fields would compare UPPER(id::text), for which there
    is no index.
    """

    search_ids: tuple[str, ...] = ("id",)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        if "\x00" in text:
            # No text in PostgreSQL holds it, and the driver refuses to send it.
            return queryset.none(), False
        wanted = self._ids_found(queryset, text) or [
            Q((lookup(name), text)) for name in self.get_search_fields(request)
        ]
        return queryset.filter(reduce(or_, wanted, NOTHING)), False

    def _ids_found(self, queryset: QuerySet, text: str) -> list[Q]:
        """Return a condition for each column of search_ids that has this UUID somewhere; none if it is no UUID.

        One column alone is read in the order of the list from its index; of several, joined by OR, the planner would
        have to collect and sort all rows.
        """
        key = as_uuid(text)
        if key is None:
            return []
        rows = queryset.model._base_manager.using(queryset.db)
        return [Q((name, key)) for name in self.search_ids if rows.filter(Q((name, key))).exists()]


def lookup(name: str) -> str:
    """Return the lookup that a name in search_fields stands for."""
    return name if name.rpartition("__")[2] in LOOKUPS else f"{name}__icontains"


def as_uuid(text: str) -> UUID | None:
    """Return the UUID that `text` is; None if it is none."""
    try:
        return UUID(text.strip())
    except ValueError:
        return None
