"""Where a page of a list begins: after a row, not after a number of rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Func, Value
from django.db.models.functions import Coalesce

from nullstore.adapters import Beyond, named
from nullstore.exceptions import NullstoreError


class BadToken(NullstoreError):
    """The address names a place in another list, in another order, or in none."""


class RowComparison(Func):
    """`(a, b) < (x, y)`, which one range of an index (a, b) answers; the same written with OR does not."""

    output_field = models.BooleanField()

    def __init__(self, columns: Sequence[Any], operator: str, values: Sequence[Any]) -> None:
        super().__init__(*columns, *values)
        self.operator = operator

    def as_sql(self, compiler: Any, connection: Any, *args: Any, **extra: Any) -> Any:
        parts = [compiler.compile(expression) for expression in self.source_expressions]
        half = len(parts) // 2
        columns, values = (", ".join(sql for sql, _ in side) for side in (parts[:half], parts[half:]))
        return f"({columns}) {self.operator} ({values})", [param for _, params in parts for param in params]


@dataclass(frozen=True)
class Keyset:
    """The order of a list: columns that together are unique, all in one direction."""

    model: type[models.Model]
    columns: tuple[str, ...]
    descending: bool

    @classmethod
    def of(cls, model: type[models.Model], ordering: Sequence[Any]) -> "Keyset":
        """Return the order by the columns of `ordering`, in the direction of the first, made unique by the key."""
        names = [name for name in ordering if isinstance(name, str) and name != "?"] or ["-pk"]
        columns = _unique(model, [field_of(model, name).attname for name in names])
        return cls(model, columns, names[0].startswith("-"))

    @property
    def fields(self) -> list[models.Field]:
        return [field_of(self.model, column) for column in self.columns]

    def order_by(self, *, backwards: bool = False, unindexed: bool = False) -> list[Any]:
        """Return the terms for QuerySet.order_by()."""
        if not unindexed:
            sign = "-" if self.descending != backwards else ""
            return [sign + column for column in self.columns]
        terms = self._expressions(unindexed)
        return [term.desc() if self.descending != backwards else term.asc() for term in terms]

    def beyond(self, place: Sequence[Any], *, backwards: bool = False, unindexed: bool = False) -> RowComparison:
        """Return the condition for rows after `place` (before it, if `backwards`)."""
        values = [Value(value, output_field=field) for value, field in zip(place, self.fields, strict=True)]
        return RowComparison(self._expressions(unindexed), "<" if self.descending != backwards else ">", values)

    def _expressions(self, unindexed: bool) -> list[Any]:
        first, *others = self.columns
        # An expression that no index has: so the planner can but sort what the other conditions leave.
        return [Coalesce(first, first) if unindexed else F(first), *map(F, others)]

    def token(self, row: models.Model) -> str:
        """Return the place of `row` as a parameter for the address, signed: nobody can make up one."""
        texts = [named(getattr(row, field.attname)) or field.value_to_string(row) for field in self.fields]
        return self._signer.sign_object(texts)

    def place(self, token: str) -> list[Any]:
        """Return the place that token() wrote. Raises BadToken."""
        try:
            texts = self._signer.unsign_object(token)
            return [_value(field, text) for field, text in zip(self.fields, texts, strict=True)]
        except (signing.BadSignature, ValidationError, ValueError) as error:
            raise BadToken from error

    @property
    def _signer(self) -> signing.Signer:
        direction = "descending" if self.descending else "ascending"
        return signing.Signer(salt=f"{__name__}:{self.model._meta.label}:{','.join(self.columns)}:{direction}")


def field_of(model: type[models.Model], name: str) -> Any:
    """Return the field that an ordering such as "-created_at" or "pk" means. Raises FieldDoesNotExist."""
    bare = name.removeprefix("-")
    return model._meta.pk if bare == "pk" else model._meta.get_field(bare)


def _value(field: Any, text: str) -> Any:
    beyond = Beyond.read(text) if isinstance(field, models.DateTimeField) else None
    return beyond or field.to_python(text)


def _unique(model: type[models.Model], columns: list[str]) -> tuple[str, ...]:
    """Return as many of the columns as are unique together; all and the primary key, if they are not."""
    for length in range(1, len(columns) + 1):
        if _is_key(model, set(columns[:length])):
            return tuple(columns[:length])
    return (*columns, field_of(model, "pk").attname)


def _is_key(model: type[models.Model], columns: set[str]) -> bool:
    alone = [[field] for field in model._meta.concrete_fields if field.unique]
    together = [
        [field_of(model, name) for name in constraint.fields] for constraint in model._meta.total_unique_constraints
    ]
    return any(
        columns.issuperset(field.attname for field in key) and not any(field.null for field in key)
        for key in (*alone, *together)
    )
