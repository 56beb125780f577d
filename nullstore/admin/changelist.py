"""The list of a table's rows."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin import ShowFacets
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.postgres.search import SearchVectorField
from django.db import DataError, models
from django.db.models import QuerySet
from django.http import HttpRequest

#: Columns that may be large, and that a list has no room for.
HEAVY = (models.JSONField, models.TextField, models.BinaryField, SearchVectorField)


def heavy_fields(model: type[models.Model], prefix: str = "") -> list[str]:
    """Return the names of the model's columns that a list does not read, each behind `prefix`."""
    return [prefix + field.name for field in model._meta.concrete_fields if isinstance(field, HEAVY)]


class TableChangeList(ChangeList):
    """Leaves heavy columns in the database, its own and those of the rows it joins."""

    def get_queryset(self, request: HttpRequest, *args: Any, **kwargs: Any) -> QuerySet:
        heavy = heavy_fields(self.model)
        for relation in _joined(self.list_select_related):
            related: Any = self.lookup_opts.get_field(relation).related_model
            heavy += heavy_fields(related, f"{relation}__")
        return super().get_queryset(request, *args, **kwargs).defer(*heavy)

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except DataError as error:
            # A value in the URL that the column cannot be compared with, such as a null byte.
            raise IncorrectLookupParameters(error) from error


def _joined(list_select_related: Any) -> Sequence[str]:
    """Return the relations by name; where the admin was told to join all or none, there are none to go through."""
    return () if isinstance(list_select_related, bool) else list_select_related


class LeanList(admin.ModelAdmin):
    """Neither counts nor joins more than a page needs."""

    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return TableChangeList
