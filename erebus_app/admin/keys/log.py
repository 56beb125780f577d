"""What was done with keys: append-only."""

from django.contrib import admin

from erebus_app.models import SecretAccessLog
from nullstore.admin.lists.filters import OneOf
from nullstore.admin.readonly import ReadOnlyAdmin


@admin.register(SecretAccessLog)
class SecretAccessLogAdmin(ReadOnlyAdmin):
    list_display = ("at", "action", "agent_name", "provider", "actor", "ip_address")
    list_filter = (("action", OneOf),)
    search_fields = ("agent_name__startswith", "actor__startswith")
    search_ids = ("api_key_id",)
    search_help_text = "The whole id of a key, or the beginning of an agent's or actor's name."
    ordering = ("-id",)
    fields = ("at", "action", "api_key_id", "agent_name", "provider", "actor", "reason", "ip_address")
