"""The wallets of users."""

from django.contrib import admin

from erebus_app.models import Wallet
from nullstore.admin.base import TableAdmin


@admin.register(Wallet)
class WalletAdmin(TableAdmin):
    list_display = ("address", "chain", "user", "label", "is_primary", "verified_at", "created_at")
    list_filter = ("chain", "is_primary", ("verified_at", admin.EmptyFieldListFilter))
    list_select_related = ("user",)
    search_fields = ("address__istartswith", "label")
    search_ids = ("id", "user_id")
    search_help_text = "A whole id, of the wallet or its user; the beginning of an address; or part of a label."
    ordering = ("-created_at", "-id")
    raw_id_fields = ("user",)
