"""What people did with a listing."""

from django.contrib import admin

from erebus_app.models import Deployment, Purchase
from nullstore.admin.base import TableAdmin


@admin.register(Purchase)
class PurchaseAdmin(TableAdmin):
    list_display = ("listing", "buyer_wallet", "price_paid_lamports", "tx_signature", "created_at")
    list_select_related = ("listing",)
    search_fields = ("buyer_wallet__startswith", "tx_signature__exact")
    search_ids = ("id", "listing_id")
    search_help_text = "A whole id, of the purchase or its listing; the beginning of a wallet; a whole signature."
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("listing",)


@admin.register(Deployment)
class DeploymentAdmin(TableAdmin):
    list_display = ("listing", "deployer_wallet", "status", "created_at", "updated_at")
    list_filter = ("status",)
    list_select_related = ("listing",)
    search_fields = ("deployer_wallet__startswith",)
    search_ids = ("id", "listing_id")
    search_help_text = "A whole id, of the deployment or its listing; or the beginning of a wallet."
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("listing",)
