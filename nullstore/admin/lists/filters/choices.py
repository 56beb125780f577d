"""Filters that are a list of links."""

from collections.abc import Callable, Iterator
from typing import Any

from django.contrib.admin import ListFilter
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from nullstore.admin.lists.filters.base import FieldFilter, last_given, link, without_null


class ChoiceFilter(FieldFilter):
    """Base: one value of a few, `options`."""

    def options(self) -> list[tuple[str, str]]:
        """Return the values, as the address has them, with what they are called."""
        raise NotImplementedError

    def matching(self, value: str) -> Q:
        """Return the condition for one of the options."""
        raise NotImplementedError

    def read(self) -> Q | None:
        if not self.value:
            return None
        values = [value for value, _ in self.options()]
        if self.value not in values and not self.may_hold(self.value):
            raise ValidationError(f"“{self.value[:100]}” is none of {', '.join(values)}.")
        return self.matching(self.value)

    def may_hold(self, value: str) -> bool:
        """Return whether there may be rows with this value, although it is none of the options."""
        return False

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        names = self.expected_parameters()
        yield link(changelist, "All", not self.value, names)
        others = [(self.value, self.value)] if self.value and self.is_other and not self.error else []
        for value, label in (*self.options(), *others):
            yield link(changelist, label, value == self.value, names, **{self.parameter: value})

    @property
    def is_other(self) -> bool:
        """Whether the value given is none of the options."""
        return self.value not in dict(self.options())


class OneOf(ChoiceFilter):
    """One of the field's choices, `status=failed`; of a boolean yes or no, `is_active=1`.

    Services add values of their own to a text: one that the column has room for may be asked for.
    """

    suffixes = ("", "__exact")

    def options(self) -> list[tuple[str, str]]:
        if isinstance(self.field, models.BooleanField):
            return [("1", "Yes"), ("0", "No")]
        return [(str(value), str(label)) for value, label in self.field.flatchoices]

    def may_hold(self, value: str) -> bool:
        longest = self.field.max_length if isinstance(self.field, models.CharField) else None
        return longest is not None and len(without_null(value)) <= longest

    def matching(self, value: str) -> Q:
        return Q((self.field_path, value == "1" if isinstance(self.field, models.BooleanField) else value))


class IsNull(ChoiceFilter):
    """Whether there is a value: `revoked_at__isnull=1` for those without one."""

    suffixes = ("__isnull",)
    labels = {"0": "Set", "1": "Not set"}

    def options(self) -> list[tuple[str, str]]:
        return list(self.labels.items())

    def matching(self, value: str) -> Q:
        return Q((f"{self.field_path}__isnull", value == "1"))


class Conditions(ListFilter):
    """Base: named conditions, `parameter_name=name`. A condition is made when it is asked for: it may hold the time."""

    parameter_name: str
    conditions: dict[str, tuple[str, Callable[[], Q]]]
    template = "admin/nullstore/filter_choices.html"

    def __init__(self, request: HttpRequest, params: dict[str, Any], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.value = last_given(params, self.parameter_name)
        params.pop(self.parameter_name, None)
        known = not self.value or self.value in self.conditions
        self.error = "" if known else f"“{self.value[:100]}” is none of {', '.join(self.conditions)}."

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[Any]:
        return [self.parameter_name]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.error:
            return queryset.none()
        return queryset.filter(self.conditions[self.value][1]()) if self.value else queryset

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        names = [self.parameter_name]
        yield link(changelist, "All", not self.value, names)
        for name, (label, _) in self.conditions.items():
            yield link(changelist, label, name == self.value, names, **{self.parameter_name: name})
