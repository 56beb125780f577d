"""The wallets of users."""

from django.contrib import admin
from django.db.models import Q

from erebus_app.models import Wallet
from nullstore.admin.base import TableAdmin
from nullstore.admin.lists.filters import IsNull, OneOf, TimeWindow
from nullstore.admin.prefixes import IndexedSearch, id_prefix, lower_prefix


class Verified(IsNull):
    labels = {"0": "Verified", "1": "Not verified"}


@admin.register(Wallet)
class WalletAdmin(IndexedSearch, TableAdmin):
    list_display = ("address", "chain", "user", "label", "is_primary", "verified_at", "created_at")
    list_filter = (("chain", OneOf), ("is_primary", OneOf), ("verified_at", Verified), ("created_at", TimeWindow))
    list_select_related = ("user",)
    # What matching() does with it is more: upper and lower case are the same.
    search_fields = ("address",)
    search_help_text = (
        "An address or its beginning, in upper or lower case; or an id or its beginning, of the wallet or its user."
    )
    ordering = ("-created_at", "-id")
    sortable = ("created_at",)
    raw_id_fields = ("user",)

    def matching(self, text: str) -> Q:
        return lower_prefix("address", text) | id_prefix(text, "id", "user_id")
