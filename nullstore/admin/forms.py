"""The base of every form of the admin, and how one is saved."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest

from nullstore.admin.concurrency import GuardedForm
from nullstore.admin.fields import JSONDocument


class TableForm(GuardedForm):
    """Keeps values that services have added to a list of choices, and shows what the database refused."""

    #: Set by nullstore.admin.refusals when the database refused what this form had let pass.
    refusal: str | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.foreign_choices: dict[str, Any] = {}
        if not self.instance._state.adding:
            for name, field in self.fields.items():
                if isinstance(field, forms.TypedChoiceField):
                    self._keep_present_value(name, field)

    def _keep_present_value(self, name: str, field: forms.TypedChoiceField) -> None:
        """Offer the row's own value, else the browser would send the first of the list in its place."""
        value = getattr(self.instance, name)
        if value not in field.empty_values and not field.valid_value(value):
            field.choices = [*field.widget.choices, (value, value)]
            self.foreign_choices[name] = value

    def _get_validation_exclusions(self) -> set[str]:
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | {name for name, value in self.cleaned_data.items() if self._is_valid_as_it_is(name, value)}

    def _is_valid_as_it_is(self, name: str, value: Any) -> bool:
        """Whether the model's own validation would refuse what the column takes."""
        is_empty_document = isinstance(self.fields[name], JSONDocument) and value in ({}, [], "")
        return is_empty_document or (name in self.foreign_choices and value == self.foreign_choices[name])

    def clean(self) -> dict[str, Any]:
        super().clean()
        if self.refusal:
            raise ValidationError(self.refusal, "refused")
        return self.cleaned_data


class ChangedColumns(admin.ModelAdmin):
    """Writes only the columns that the form changed: services write the others at the same time."""

    def save_model(self, request: HttpRequest, obj: models.Model, form: forms.ModelForm, change: bool) -> None:
        obj.save(update_fields=changed_columns(form) if change else None)


def changed_columns(form: forms.ModelForm) -> list[str]:
    """Return the names of the columns among the form's changed fields."""
    columns = {field.name for field in form.instance._meta.concrete_fields}
    return [name for name in form.changed_data if name in columns]
