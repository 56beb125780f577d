"""Tables that nobody writes through the admin: append-only logs, trails that triggers fill, and the replica."""

from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from nullstore.admin.base import TableAdmin
from nullstore.admin.refusals import SAFE_METHODS
from nullstore.databases import HOMES, SOURCE_OF_REPLICA


class ReadOnlyAdmin(TableAdmin):
    """Lists and shows rows, whatever permissions a user has. Anything but looking is answered with 403."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        _refuse_writing(request)
        return super().changelist_view(request, *args, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        _refuse_writing(request)
        return super().changeform_view(request, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        _refuse_writing(request)
        return super().delete_view(request, *args, **kwargs)


def _refuse_writing(request: HttpRequest) -> None:
    """Raise PermissionDenied before the router is asked where to write: of a replica it would not know."""
    if request.method not in SAFE_METHODS:
        raise PermissionDenied


class ReplicaAdmin(ReadOnlyAdmin):
    """The admin of a replica: says where its rows are edited."""

    def get_fieldsets(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        return [("Read-only copy", {"fields": ["edit_in"]}), *super().get_fieldsets(request, obj)]

    @admin.display(description="to change it")
    def edit_in(self, obj: models.Model) -> SafeString:
        """Link to the source of the row."""
        source = apps.get_model(SOURCE_OF_REPLICA[self.opts.label_lower])
        url = reverse(f"admin:{source._meta.app_label}_{source._meta.model_name}_change", args=[quote(obj.pk)])
        return format_html(
            'Replication keeps this row equal to its source. Edit it in {}: <a href="{}">{}</a>',
            HOMES[source._meta.app_label],
            url,
            obj,
        )
