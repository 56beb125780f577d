"""The admin of one table, as every module of erebus_app.admin and agents_app.admin uses it."""

from typing import Any

from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.http import HttpRequest

from nullstore.admin.actor import ActorMixin
from nullstore.admin.choices import ForeignChoices
from nullstore.admin.concurrency import ConcurrentEdits
from nullstore.admin.deep import DeepDocuments
from nullstore.admin.fields import FormFields
from nullstore.admin.forms import ChangedColumns, TableForm
from nullstore.admin.lists.admin import PagedList
from nullstore.admin.refusals import Refusals
from nullstore.admin.rowactions import RowActions
from nullstore.admin.sections import Sectioned


class TableAdmin(
    ActorMixin,
    RowActions,
    Refusals,
    DeepDocuments,
    ConcurrentEdits,
    Sectioned,
    ForeignChoices,
    FormFields,
    PagedList,
    ChangedColumns,
):
    """Columns that the database or a service fills are read-only, and absent while a row is being added."""

    form = TableForm
    #: Fields of the form that are no columns: hidden from those who may only look.
    write_only_fields: tuple[str, ...] = ()

    def get_readonly_fields(self, request: HttpRequest, obj: models.Model | None = None) -> list[Any]:
        return [*super().get_readonly_fields(request, obj), *self._filled_by_database()]

    def get_fieldsets(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        if obj is None:
            hidden = self.get_readonly_fields(request)
        elif self.has_change_permission(request, obj):
            hidden = []
        else:
            hidden = list(self.write_only_fields)
        visible = [
            (title, {**options, "fields": [name for name in options["fields"] if name not in hidden]})
            for title, options in super().get_fieldsets(request, obj)
        ]
        return [fieldset for fieldset in visible if fieldset[1]["fields"]]

    def _filled_by_database(self) -> list[str]:
        return [
            field.name
            for field in self.opts.concrete_fields
            if (field.primary_key or not field.editable)
            and not isinstance(field, models.BinaryField | SearchVectorField)
        ]
