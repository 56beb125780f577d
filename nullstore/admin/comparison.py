"""How a row of a replica compares with its source, column by column."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import models
from django.utils.safestring import SafeString

from nullstore.adapters import named
from nullstore.admin.documents import document
from nullstore.admin.sections import Section, home_of
from nullstore.fields import Unreadable

TEMPLATE = "admin/nullstore/comparison.html"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of both rows."""

    name: str
    equal: bool
    source: SafeString | str
    replica: SafeString | str


def compare(source: models.Model, replica: models.Model) -> list[Column]:
    """Return the columns of two rows whose models have the same fields."""
    values = [
        (field, getattr(source, field.attname), getattr(replica, field.attname))
        for field in source._meta.concrete_fields
    ]
    return [
        Column(str(field.verbose_name), _alike(field, here) == _alike(field, there), _shown(here), _shown(there))
        for field, here, there in values
    ]


def _alike(field: models.Field, value: Any) -> Any:
    """To Python True and 1 are the same, to jsonb they are not; of what it cannot read it knows the beginning."""
    if isinstance(value, Unreadable):
        return value.digest
    if name := named(value):
        return name
    return json.dumps(value, sort_keys=True) if isinstance(field, models.JSONField) else value


def _shown(value: Any) -> SafeString | str:
    if isinstance(value, dict | list | Unreadable):
        return document(value, unfolded=1)
    if isinstance(value, datetime):
        return named(value) or value.isoformat(" ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "NULL" if value is None else str(value)


def comparison_section(
    title: str, source: type[models.Model], replica: type[models.Model], key: Any, *, other: str
) -> Section:
    """Return the section that compares the two rows of this key.

    `other` is the alias of the database that the page is not about: the section says so if it does not answer.
    """

    def load() -> dict[str, Any]:
        # Both are read anew: a form that was refused has left its values in the object that the page is about.
        there, here = (model._default_manager.filter(pk=key).first() for model in (replica, source))
        return {
            "source": here,
            "replica": there,
            "source_alias": home_of(source),
            "replica_alias": home_of(replica),
            "replica_label": replica._meta.label,
            "source_label": source._meta.label,
            **(_compared(here, there) if here and there else {}),
        }

    return Section(title, TEMPLATE, load, "replica", other)


def _compared(source: models.Model, replica: models.Model) -> dict[str, Any]:
    columns = compare(source, replica)
    return {"columns": columns, "different": [column.name for column in columns if not column.equal]}
