"""Comparisons of the replica with its source."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from erebus_app.models import VerificationRun
from nullstore.admin.lists.filters import Exact, OneOf, TimeWindow
from nullstore.admin.readonly import ReadOnlyAdmin
from nullstore.admin.replication import runs
from nullstore.admin.sections import Section
from nullstore.admin.show import pill
from nullstore.databases import EREBUS


@admin.register(VerificationRun)
class VerificationRunAdmin(ReadOnlyAdmin):
    """Says `interrupted` of a run whose process has ended without a word."""

    list_display = ("id", "outcome", "requested_by", "started_at", "finished_at")
    list_filter = (("state", OneOf), ("started_at", TimeWindow), ("requested_by", Exact))
    search_ids = ()
    ordering = ("-id",)
    sortable = ("id",)
    fieldsets = (
        (None, {"fields": ("outcome", "requested_by", "started_at", "finished_at")}),
        ("As it is recorded", {"fields": ("id", "state", "result"), "classes": ("collapse",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[VerificationRun]:
        return runs.with_process(super().get_queryset(request))

    @admin.display(description="state", ordering="state")
    def outcome(self, run: Any) -> SafeString | str:
        """Return the state in a word, with a symbol and a colour."""
        state = runs.state_of(run)
        return pill(state, "bad" if state == runs.INTERRUPTED else "")

    def sections_above(self, request: HttpRequest, obj: Any) -> Sequence[Section]:
        load = partial(runs.detail, obj)
        return [Section("What came out", "admin/nullstore/replication/run.html", load, "outcome", EREBUS)]
