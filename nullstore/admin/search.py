"""Searching a list by id as well as by text."""

from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest


class IdSearch(admin.ModelAdmin):
    """Looks a whole UUID up in the columns `search_ids` too, by their indexes.

    `=id` in search_fields would compare UPPER(id::text), for which there is no index.
    """

    search_ids: tuple[str, ...] = ("id",)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        if "\x00" in search_term:
            # No text in PostgreSQL holds it, and the driver refuses to send it.
            return queryset.none(), False
        found, may_have_duplicates = super().get_search_results(request, queryset, search_term)
        key = _as_uuid(search_term)
        if key is not None and self.search_ids:
            found |= queryset.filter(Q.create([(name, key) for name in self.search_ids], connector=Q.OR))
        return found, may_have_duplicates


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None
