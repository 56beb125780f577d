"""Searches by the beginning of a value that Django's own lookups would make without an index."""

import re
from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Lower
from django.db.models.lookups import StartsWith
from django.http import HttpRequest

#: With fewer digits an id says too little: one row of 65,536 begins with these.
SHORTEST: Final = 4
_HEXADECIMAL: Final = re.compile(rf"[0-9a-fA-F-]{{{SHORTEST},36}}")


class IndexedSearch(admin.ModelAdmin):
    """A list whose search is one condition, made of the whole text; `search_fields` only makes the box appear."""

    def matching(self, text: str) -> Q:
        """Return the condition for `text`, which is neither empty nor holds a null byte."""
        raise NotImplementedError

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        text = search_term.strip()
        if "\x00" in text:
            return queryset.none(), False
        return (queryset.filter(self.matching(text)) if text else queryset), False


def lower_prefix(column: str, text: str) -> Q:
    """Match rows whose text column begins with `text` in upper or lower case, by an index on lower(column).

    Django's `istartswith` compares UPPER(column::text), for which there is no index.
    """
    return Q(StartsWith(Lower(F(column)), Lower(Value(text))))


def id_prefix(text: str, *columns: str) -> Q:
    """Match rows of which a uuid column begins with `text`, by the column's index.

    The empty Q, which an OR leaves out, if no uuid can begin so.
    """
    digits = text.replace("-", "")
    if not _HEXADECIMAL.fullmatch(text) or not SHORTEST <= len(digits) <= 32:
        return Q()
    first, last = UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
    found = Q()
    for column in columns:
        bounds: dict[str, Any] = {f"{column}__gte": first, f"{column}__lte": last}
        found |= Q(**bounds)
    return found
