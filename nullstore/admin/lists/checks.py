"""The check of what an admin class says about its list."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.contrib.admin.checks import ModelAdminChecks
from django.core.checks import CheckMessage, Error
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from nullstore.admin.lists.keyset import Keyset, field_of


class ListChecks(ModelAdminChecks):
    """nullstore.E009: a list is sorted by columns that are NOT NULL and that an index has in that order."""

    def check(self, admin_obj: Any, **kwargs: Any) -> list[CheckMessage]:
        return [
            *super().check(admin_obj, **kwargs),
            *(
                Error(
                    f"The list of {admin_obj.model._meta.label} cannot be sorted by {order!r}: {fault}.",
                    hint="Take it out of `sortable` or `ordering`, or give the model "
                    f"models.Index(fields={columns!r}).",
                    obj=admin_obj.__class__,
                    id="nullstore.E009",
                )
                for order, columns, fault in _faults(admin_obj)
            ),
        ]


def _faults(admin_obj: Any) -> Iterator[tuple[str, list[str], str]]:
    model = admin_obj.model
    default = list(admin_obj.ordering or model._meta.ordering or ["-pk"])
    for ordering in (default, *([column] for column in admin_obj.sortable)):
        try:
            columns = list(Keyset.of(model, ordering).columns)
        except FieldDoesNotExist as error:
            yield ", ".join(map(str, ordering)), ["..."], str(error)
            continue
        if fault := _fault(model, ordering, columns):
            yield ", ".join(map(str, ordering)), columns, fault


def _fault(model: type[models.Model], ordering: Sequence[str], columns: list[str]) -> str:
    if len({name.startswith("-") for name in ordering}) > 1:
        return "its columns have different directions"
    if empty := [name for name in columns if field_of(model, name).null]:
        return f"{empty[0]} may be NULL"
    if not any(index[: len(columns)] == columns for index in _indexes(model)):
        return f"no index begins with ({', '.join(columns)})"
    return ""


def _indexes(model: type[models.Model]) -> Iterator[list[str]]:
    """Yield the columns of each index that can give all rows in order."""
    yield from ([field.attname] for field in model._meta.concrete_fields if field.unique)
    plain = [
        index.fields
        for index in model._meta.indexes
        if type(index) is models.Index and not index.condition and not index.opclasses
    ]
    unique = [
        constraint.fields
        for constraint in model._meta.total_unique_constraints
        if not getattr(constraint, "opclasses", ())
    ]
    for fields in (*plain, *unique):
        yield [field_of(model, name).attname for name in fields]
