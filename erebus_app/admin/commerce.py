"""What people did with a listing."""

from django.contrib import admin
from django.db.models import Q

from erebus_app.models import Deployment, Purchase
from nullstore.admin.base import TableAdmin
from nullstore.admin.lists.filters import OneOf, TimeWindow
from nullstore.admin.prefixes import IndexedSearch, id_prefix


@admin.register(Purchase)
class PurchaseAdmin(IndexedSearch, TableAdmin):
    list_display = ("listing", "buyer_wallet", "price_paid_lamports", "tx_signature", "created_at")
    list_filter = (("created_at", TimeWindow),)
    list_select_related = ("listing",)
    search_fields = ("buyer_wallet__startswith", "tx_signature__exact")
    search_help_text = (
        "The beginning of a wallet; a whole signature; or an id or its beginning, of the purchase or its listing."
    )
    ordering = ("-created_at", "-id")
    sortable = ("created_at",)
    autocomplete_fields = ("listing",)

    def matching(self, text: str) -> Q:
        return Q(buyer_wallet__startswith=text) | Q(tx_signature=text) | id_prefix(text, "id", "listing_id")


@admin.register(Deployment)
class DeploymentAdmin(IndexedSearch, TableAdmin):
    list_display = ("listing", "deployer_wallet", "status", "created_at", "updated_at")
    list_filter = (("status", OneOf), ("created_at", TimeWindow))
    list_select_related = ("listing",)
    search_fields = ("deployer_wallet__startswith",)
    search_help_text = "The beginning of a wallet; or an id or its beginning, of the deployment or its listing."
    ordering = ("-created_at", "-id")
    sortable = ("created_at",)
    autocomplete_fields = ("listing",)

    def matching(self, text: str) -> Q:
        return Q(deployer_wallet__startswith=text) | id_prefix(text, "id", "listing_id")
