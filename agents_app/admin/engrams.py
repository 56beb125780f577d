"""Engrams and the trail of their versions."""

from django import forms
from django.contrib import admin

from agents_app.models import Engram, EngramHistory
from nullstore.admin.base import TableAdmin
from nullstore.admin.forms import TableForm
from nullstore.admin.readonly import ReadOnlyAdmin


class EngramForm(TableForm):
    reason = forms.CharField(
        label="Reason for the change",
        max_length=EngramHistory._meta.get_field("change_reason").max_length,
        required=False,
        help_text="Kept with the version that this change replaces.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


@admin.register(Engram)
class EngramAdmin(TableAdmin):
    form = EngramForm
    write_only_fields = ("reason",)
    list_display = ("key", "engram_type", "wallet_address", "version", "tags", "is_public", "updated_at", "created_at")
    list_filter = ("engram_type", "is_public", "is_mintable")
    search_fields = ("key__startswith", "wallet_address__startswith")
    search_ids = ("id", "parent_id", "lineage_root_id")
    search_help_text = "A whole id, of the engram or an ancestor; or the beginning of a key or wallet."
    ordering = ("-created_at", "-id")
    raw_id_fields = ("parent",)
    fieldsets = (
        (None, {"fields": ("id", "wallet_address", "engram_type", "key", "tags")}),
        ("What is remembered", {"fields": ("content", "summary", "version", "reason")}),
        ("Lineage", {"fields": ("parent", "lineage_root_id", "created_by")}),
        ("Publication", {"fields": ("is_public", "is_mintable", "nft_token_id", "price_mon", "royalty_percent")}),
        ("Keeping", {"fields": ("priority", "ttl_seconds")}),
        ("Times", {"fields": ("created_at", "updated_at", "accessed_at")}),
    )


@admin.register(EngramHistory)
class EngramHistoryAdmin(ReadOnlyAdmin):
    list_display = ("engram_id", "version", "changed_by", "change_reason", "created_at")
    search_fields = ("changed_by", "change_reason")
    search_ids = ("id", "engram_id")
    search_help_text = "A whole id, of the engram or the version; or part of who and why."
    ordering = ("-created_at", "-id")
    fields = ("id", "engram_id", "version", "content", "summary", "tags", "changed_by", "change_reason", "created_at")
