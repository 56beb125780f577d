"""Form fields for columns that Django's own cannot edit without harm, and the mixin that chooses them."""

import csv
import io
import json
from typing import Any, NoReturn

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminTextareaWidget, AdminTextInputWidget
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.forms import SimpleArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest

from nullstore.fields import InexactNumber, exact_float, is_deep


class JSONDocument(forms.JSONField):
    """One JSON document, indented. An emptied field is `emptied()`, or None = NULL where that is allowed.

    Django's own field stores JSON null for an emptied NOT NULL column, takes {} for nothing, and fails on a document
    that is nested too deeply, holds a number without end or half a surrogate pair.
    """

    widget = AdminTextareaWidget

    def __init__(self, *, nullable: bool = False, emptied: Any = None, **kwargs: Any) -> None:
        self.nullable = nullable
        self.emptied = emptied
        super().__init__(**kwargs)

    def to_python(self, value: Any) -> Any:
        if self.disabled or not isinstance(value, str | None):
            return value
        if not value or not value.strip():
            return self.emptied() if callable(self.emptied) else self.emptied
        document = _parse(value)
        if document is None and not self.nullable:
            raise ValidationError("JSON null cannot be stored here; leave the field empty for its default.", "null")
        return document

    def validate(self, value: Any) -> None:
        """Raise ValidationError for nothing where something is required; {} and [] are something."""
        if value is None and self.required:
            raise ValidationError(self.error_messages["required"], "required")

    def bound_data(self, data: Any, initial: Any) -> Any:
        """Show again what was typed, to the letter."""
        return initial if self.disabled else InvalidJSONInput(data or "")

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, InvalidJSONInput):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False, cls=self.encoder)


def _parse(text: str) -> Any:
    try:
        document = json.loads(text, parse_constant=_refuse_constant, parse_float=exact_float)
        if is_deep(document):
            raise RecursionError
        json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
    except RecursionError:
        raise ValidationError("Not valid JSON: it is nested too deeply.", "invalid") from None
    except UnicodeEncodeError:
        raise ValidationError("Not valid JSON: it holds half of a surrogate pair.", "invalid") from None
    except InexactNumber as error:
        raise ValidationError("%(error)s. Write it as a text, in quotes.", "invalid", {"error": error}) from None
    except ValueError as error:
        raise ValidationError("Not valid JSON: %(error)s.", "invalid", {"error": error}) from None
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


class CommaSeparated(SimpleArrayField):
    """text[] on one line. As in CSV, an item that holds a comma stands in double quotes."""

    widget = AdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return value
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(value)
        return line.getvalue()

    def to_python(self, value: Any) -> Any:
        return super().to_python(_items(value) if isinstance(value, str) else value)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Return False for a line that comes back as it was written: not every item survives on one line."""
        same = _on_one_line(data) == _on_one_line(self.prepare_value(initial))
        return not same and bool(super().has_changed(initial, data))


def _on_one_line(text: Any) -> str:
    """Return what a browser makes of the text of a field of one line."""
    return str(text or "").replace("\r", "").replace("\n", "")


def _items(line: str) -> list[str]:
    try:
        items = next(csv.reader([line], skipinitialspace=True, strict=True), [])
    except csv.Error:
        raise ValidationError(
            'Separate the items with commas, on one line; write one that holds a comma as "a, b".', "invalid"
        ) from None
    return [item for item in items if item.strip()]


class FormFields(admin.ModelAdmin):
    """Chooses form fields by what the column can hold."""

    def formfield_for_dbfield(self, db_field: models.Field, request: HttpRequest, **kwargs: Any) -> Any:
        # A callable default would make Django send every document twice, the second time hidden.
        if callable(db_field.default):
            kwargs.setdefault("show_hidden_initial", False)
        if isinstance(db_field, models.JSONField):
            emptied = None if db_field.null or not db_field.blank else db_field.get_default
            kwargs = {"form_class": JSONDocument, "nullable": db_field.null, "emptied": emptied, **kwargs}
        elif isinstance(db_field, ArrayField):
            kwargs = {"form_class": CommaSeparated, "help_text": "Separated by commas.", **kwargs}
        elif isinstance(db_field, models.TextField) and db_field.null:
            # CharField does so by itself: "" would be a second spelling of NULL.
            kwargs = {"empty_value": None, **kwargs}
        return super().formfield_for_dbfield(db_field, request, **kwargs)
