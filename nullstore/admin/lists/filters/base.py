"""What the filters share: reading their parameters, and saying what is wrong with them."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from django.contrib.admin import FieldListFilter
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.http import HttpRequest


def last_given(params: Mapping[str, Any], name: str) -> str:
    """Return the parameter as it was given, the last one of several; "" if it was not."""
    return str((params.get(name) or [""])[-1])


def without_null(value: str) -> str:
    """Return `value`. Raises ValidationError if it holds a null byte, which no text in PostgreSQL does."""
    if "\x00" in value:
        raise ValidationError("It holds a null byte, which no text in the database does.")
    return value


class FieldFilter(FieldListFilter):
    """Base: filters by one field. A value that cannot be used leaves nothing in the list, and an error at the filter.

    Nothing rather than everything: an action on all rows of the list must not reach more than was asked for.
    """

    #: Appended to the field's name: the parameters in the address. The first is the one that links set.
    suffixes: tuple[str, ...] = ("",)
    template = "admin/nullstore/filter_choices.html"

    def __init__(self, field: Any, request: HttpRequest, params: Any, *args: Any, **kwargs: Any) -> None:
        self.field_path = kwargs["field_path"]
        self.given = {name: last_given(params, name) for name in self.expected_parameters()}
        super().__init__(field, request, params, *args, **kwargs)
        self.error = ""
        self.condition: Q | None = None
        try:
            self.condition = self.read()
        except ValidationError as error:
            self.error = " ".join(error.messages)

    @property
    def parameter(self) -> str:
        return self.field_path + self.suffixes[0]

    @property
    def value(self) -> str:
        """What was given by the first of the parameters that were."""
        return next(filter(None, self.given.values()), "")

    def expected_parameters(self) -> list[Any]:
        return [self.field_path + suffix for suffix in self.suffixes]

    def read(self) -> Q | None:
        """Return what the parameters ask for, None for nothing. Raises ValidationError for values without a sense."""
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        if self.error:
            return queryset.none()
        return queryset.filter(self.condition) if self.condition else queryset

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        raise NotImplementedError


def link(changelist: ChangeList, display: str, selected: bool, names: list[str], **given: str) -> dict[str, Any]:
    """Return one choice of a filter: the list without the parameters `names`, with `given` in their place."""
    query = changelist.get_query_string({**dict.fromkeys(names), **given})
    return {"selected": selected, "query_string": query, "display": display}


def kept(changelist: ChangeList, names: list[str]) -> list[tuple[str, str]]:
    """Return the parameters that the form of a filter has to repeat: all but its own `names`."""
    params = cast(dict[str, Any], changelist.filter_params)
    return [(name, value) for name, values in params.items() if name not in names for value in values]
