"""What staff did to rows of this database."""

from django.contrib import admin

from agents_app.models import OpsAction
from nullstore.admin.readonly import ReadOnlyAdmin


@admin.register(OpsAction)
class OpsActionAdmin(ReadOnlyAdmin):
    list_display = ("id", "at", "actor", "action", "target_table", "target_id")
    search_fields = ("actor", "action", "target_id__startswith")
    search_ids = ()
    search_help_text = "Part of an actor's or action's name, or the beginning of the row's id."
    ordering = ("-id",)
    fields = ("id", "at", "actor", "action", "target_table", "target_id", "detail")
