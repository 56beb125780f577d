"""Rows with a document that Python cannot read: PostgreSQL takes them, so services can have written them."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db import models
from django.http import HttpRequest

from nullstore.fields import Unreadable


def unreadable_columns(row: models.Model) -> dict[str, Unreadable]:
    """Return the columns of a row, as far as they were read, that hold such a document."""
    return {name: value for name, value in vars(row).items() if isinstance(value, Unreadable)}


class DeepDocuments(admin.ModelAdmin):
    """Shows such a row without a form: the document's beginning, and why there is no more. Actions stay possible."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not (obj is not None and self._unreadable(obj)) and super().has_change_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Say above each of these columns why it is not shown otherwise."""
        fieldsets = super().get_fieldsets(request, obj)
        columns = self._unreadable(obj) if obj is not None else {}
        if not columns:
            return fieldsets
        return [
            (title, {**options, **_described(flatten_fieldsets([(title, options)]), columns)})
            for title, options in fieldsets
        ]

    def _unreadable(self, obj: models.Model) -> dict[str, Unreadable]:
        """Return those among the columns that the page shows."""
        declared = flatten_fieldsets(self.fieldsets) if self.fieldsets else self.fields
        found = unreadable_columns(obj)
        return {name: value for name, value in found.items() if declared is None or name in declared}


def _described(shown: list[str], columns: dict[str, Unreadable]) -> dict[str, str]:
    said = [
        f"The column {name} cannot be edited here, nor can the rest of the row. {value.why}: this is its beginning."
        for name, value in columns.items()
        if name in shown
    ]
    return {"description": " ".join(said), "classes": ()} if said else {}  # type: ignore[dict-item]
