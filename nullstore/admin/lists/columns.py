"""Which columns a list reads."""

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.search import SearchVectorField
from django.db import models

#: Columns that may be large, and that a list has no room for.
HEAVY = (models.JSONField, models.TextField, models.BinaryField, SearchVectorField)


def heavy_fields(model: type[models.Model], prefix: str = "") -> list[str]:
    """Return the names of the model's columns that a list does not read, each behind `prefix`."""
    return [prefix + field.name for field in model._meta.concrete_fields if isinstance(field, HEAVY)]


def heavy_fields_with(model: type[models.Model], list_select_related: bool | Sequence[str]) -> list[str]:
    """Return those of the model, and of the rows that its list joins by name."""
    heavy = heavy_fields(model)
    if not isinstance(list_select_related, bool):
        for relation in list_select_related:
            related: Any = model._meta.get_field(relation).related_model
            heavy += heavy_fields(related, f"{relation}__")
    return heavy
