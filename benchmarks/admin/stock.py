"""The same tables under django.contrib.admin.ModelAdmin, as one writes it without a thought of their size."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import django
from django.contrib import admin
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.urls import reverse
from django.utils import timezone

from benchmarks.admin.values import Column, statistics
from nullstore.admin.lists.filters.times import WINDOWS

SITE = admin.AdminSite(name="stock")
#: Django's own templates before those that replace some of them.
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(django.__file__).parent / "contrib/admin/templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
#: With a choice for each of its values, a filter's page would never come: a text column has at most so many.
MOST_CHOICES = 1_000
_LOOKUPS = {"exact", "iexact", "startswith", "istartswith", "contains", "icontains", "search", "range", "gte", "lt"}


def register_all() -> None:
    """Register every table of the two apps that the site has. Needs the database: see MOST_CHOICES."""
    for model, ours in admin.site._registry.items():
        if model._meta.app_label.endswith("_app"):
            SITE.register(model, type(f"Stock{model.__name__}", (admin.ModelAdmin,), _attributes(model, ours)))


def _attributes(model: type[models.Model], ours: admin.ModelAdmin) -> dict[str, Any]:
    columns = {field.name: field for field in model._meta.concrete_fields}
    filtered = [name if isinstance(name, str) else name[0] for name in ours.list_filter if not isinstance(name, type)]
    return {
        "list_display": [name for name in ours.list_display if name in columns] or ["__str__"],
        "list_filter": [name for name in filtered if name in columns and _bearable(columns[name])],
        "search_fields": [name for each in ours.search_fields for name in _searched(columns, naive(each))],
        "ordering": ours.ordering,
        # As boxes of all users these would take the server's memory.
        "raw_id_fields": [field.name for field in columns.values() if field.is_relation],
    }


def _searched(columns: dict[str, models.Field], name: str) -> list[str]:
    """Return what is searched in place of a column: of a text search's, the texts that it is made of."""
    if isinstance(columns.get(name), SearchVectorField):
        return [text for text in ("title", "description", "summary") if text in columns]
    return [name]


def naive(lookup: str) -> str:
    """Return a search field without what makes it quick: `key__startswith` -> `key`, hence icontains."""
    return LOOKUP_SEP.join(part for part in lookup.lstrip("^=@").split(LOOKUP_SEP) if part not in _LOOKUPS)


def _bearable(field: models.Field) -> bool:
    if field.choices or isinstance(field, models.BooleanField | models.DateTimeField):
        return True
    if isinstance(field, ArrayField):
        return False
    if field.is_relation:
        return statistics(Column.of(field.related_model._meta.pk)).rows <= MOST_CHOICES
    return statistics(Column.of(field)).distinct <= MOST_CHOICES


def equivalent(
    model: type[models.Model], parameters: Sequence[tuple[str, str]], *, turned: str = "", sort: str = ""
) -> str | None:
    """Return the address of the stock list that shows the same rows; None if it has no such filter or page.

    `turned` is the page of it: next, previous (of the last one) or last. `sort` is a column, "-" before it for down.
    """
    theirs = SITE._registry.get(model)
    if theirs is None:
        return None
    query: dict[str, str | None] = {}
    for name, text in parameters:
        query |= _translated(theirs, name, text)
    if None in query.values():
        return None
    if turned:
        query["p"] = _page(model, turned)
    if sort:
        query["o"] = _order(theirs, sort)
    address = reverse(f"stock:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return None if None in query.values() else f"{address}?{urlencode(query)}"


def _translated(theirs: admin.ModelAdmin, name: str, value: str) -> dict[str, str | None]:
    if name == "q":
        return {"q": value if theirs.search_fields else None}
    field, _, lookup = name.partition(LOOKUP_SEP)
    if field not in theirs.list_filter:
        return {name: None}
    if lookup == "within":
        return {f"{field}__gte": str(timezone.now() - WINDOWS[value][1])}
    if lookup in ("gte", "lt"):
        return {name: f"{value}+00:00"}
    if lookup == "isnull":
        return {name: str(value == "1")}
    column: Any = theirs.opts.get_field(field)
    exact = f"{field}__{column.target_field.name}__exact" if column.is_relation else f"{field}__exact"
    return {name if lookup else exact: value}


def _page(model: type[models.Model], turned: str) -> str | None:
    last = -(-statistics(Column.of(model._meta.pk)).rows // SITE._registry[model].list_per_page)
    number = {"next": 2, "previous": last - 1, "last": last}.get(turned, 0)
    return str(number) if 1 < number <= last else None


def _order(theirs: admin.ModelAdmin, sort: str) -> str | None:
    column = sort.removeprefix("-")
    if column not in theirs.list_display:
        return None
    return f"{'-' if sort != column else ''}{list(theirs.list_display).index(column) + 1}"
