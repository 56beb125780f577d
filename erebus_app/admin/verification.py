"""Comparisons of the replica with its source."""

from django.contrib import admin

from erebus_app.models import VerificationRun
from nullstore.admin.readonly import ReadOnlyAdmin


@admin.register(VerificationRun)
class VerificationRunAdmin(ReadOnlyAdmin):
    list_display = ("id", "state", "requested_by", "started_at", "finished_at")
    list_filter = ("state",)
    search_fields = ("requested_by",)
    search_ids = ()
    ordering = ("-id",)
    fields = ("id", "state", "requested_by", "started_at", "finished_at", "result")
