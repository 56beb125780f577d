"""Tables that nobody writes through the admin: append-only logs, trails that triggers fill, and the replica."""

from typing import Any

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest

from nullstore.admin.base import TableAdmin
from nullstore.admin.comparison import comparison_section
from nullstore.admin.neighbours import may_view
from nullstore.admin.refusals import SAFE_METHODS
from nullstore.admin.replicastate import state_of
from nullstore.admin.sections import Section, Sections, home_of
from nullstore.databases import SOURCE_OF_REPLICA


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
    """The admin of a replica: says how old it is and where its rows are edited, and compares them with their source."""

    @property
    def source(self) -> type[models.Model]:
        """The model that is written instead."""
        return apps.get_model(SOURCE_OF_REPLICA[self.opts.label_lower])

    def sections_above(self, request: HttpRequest, obj: Any) -> Sections:
        return [*super().sections_above(request, obj), self._state(obj)]

    def sections_below(self, request: HttpRequest, obj: Any) -> Sections:
        below = super().sections_below(request, obj)
        if not may_view(request, self.source._meta.label):
            return below
        compared = comparison_section(
            "Compared with its source", self.source, self.model, obj.pk, other=home_of(self.source)
        )
        return [*below, compared]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Say above the list what the page of each row says."""
        _refuse_writing(request)
        context = {"replica_state": self._state().render(request), **(extra_context or {})}
        return super().changelist_view(request, extra_context=context)

    def _state(self, obj: models.Model | None = None) -> Section:
        def load() -> dict[str, Any]:
            return state_of(self.model, obj and obj.pk) | (
                {"edit_text": str(obj)} if obj else {"edit_text": self.source._meta.verbose_name_plural}
            )

        return Section("Read-only copy", "admin/nullstore/replica_state.html", load, "state", home_of(self.model))
