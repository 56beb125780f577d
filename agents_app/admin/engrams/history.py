"""The list of past versions, and the page of one: of engrams that are gone too."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents_app.admin.engrams.page import sections_of_version
from agents_app.models import EngramHistory
from nullstore.admin.lists.filters import Exact, ForeignId, TimeWindow
from nullstore.admin.readonly import ReadOnlyAdmin
from nullstore.admin.sections import Sections
from nullstore.admin.show import list_url, row_link


@admin.register(EngramHistory)
class EngramHistoryAdmin(ReadOnlyAdmin):
    list_display = ("said", "version", "engram_link", "changed_by", "change_reason", "created_at")
    list_filter = (("engram_id", ForeignId), ("changed_by", Exact), ("created_at", TimeWindow))
    search_fields = ("changed_by__startswith",)
    search_ids = ("id", "engram_id")
    search_help_text = "A whole id, of the engram or the version; or the beginning of the name of who replaced it."
    ordering = ("-created_at", "-id")
    sortable = ("created_at",)
    fields = ("id", "engram_link", "version", "changed_by", "change_reason", "created_at")
    readonly_fields = ("engram_link",)

    @admin.display(description="what it said")
    def said(self, obj: EngramHistory) -> str:
        return f"Version {obj.version}"

    @admin.display(description="engram")
    def engram_link(self, obj: EngramHistory) -> SafeString:
        """Link to the engram, which leads to the trail if it is gone; and to all its versions."""
        versions = list_url("agents_app.EngramHistory", engram_id=obj.engram_id)
        return format_html('{} (<a href="{}">its versions</a>)', row_link("agents_app.Engram", obj.engram_id), versions)

    def sections_above(self, request: HttpRequest, obj: Any) -> Sections:
        return [*super().sections_above(request, obj), *sections_of_version(request, obj)]
