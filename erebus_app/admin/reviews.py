"""What people think of a listing."""

from django.contrib import admin
from django.db.models import Q

from erebus_app.models import Favorite, Review
from nullstore.admin.base import TableAdmin
from nullstore.admin.lists.filters import OneOf, TimeWindow
from nullstore.admin.prefixes import IndexedSearch, id_prefix


@admin.register(Review)
class ReviewAdmin(IndexedSearch, TableAdmin):
    list_display = ("listing", "reviewer_wallet", "rating", "is_verified_purchase", "created_at")
    list_filter = (("is_verified_purchase", OneOf), ("created_at", TimeWindow))
    list_select_related = ("listing",)
    search_fields = ("reviewer_wallet__startswith",)
    search_help_text = (
        "The beginning of the reviewer's wallet; or an id or its beginning, of the review or its listing."
    )
    ordering = ("-created_at", "-id")
    sortable = ("created_at",)
    autocomplete_fields = ("listing",)

    def matching(self, text: str) -> Q:
        return Q(reviewer_wallet__startswith=text) | id_prefix(text, "id", "listing_id")


@admin.register(Favorite)
class FavoriteAdmin(IndexedSearch, TableAdmin):
    list_display = ("listing", "wallet_address", "created_at")
    list_filter = (("created_at", TimeWindow),)
    list_select_related = ("listing",)
    search_fields = ("wallet_address__startswith",)
    search_help_text = "The beginning of a wallet; or an id or its beginning, of the favorite or its listing."
    ordering = ("-created_at", "-id")
    sortable = ("created_at",)
    autocomplete_fields = ("listing",)

    def matching(self, text: str) -> Q:
        return Q(wallet_address__startswith=text) | id_prefix(text, "id", "listing_id")
