"""What people think of a listing."""

from django.contrib import admin

from erebus_app.models import Favorite, Review
from nullstore.admin.base import TableAdmin


@admin.register(Review)
class ReviewAdmin(TableAdmin):
    list_display = ("listing", "reviewer_wallet", "rating", "is_verified_purchase", "created_at")
    list_filter = ("is_verified_purchase",)
    list_select_related = ("listing",)
    search_fields = ("reviewer_wallet__startswith",)
    search_ids = ("id", "listing_id")
    search_help_text = "A whole id, of the review or its listing; or the beginning of the reviewer's wallet."
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("listing",)


@admin.register(Favorite)
class FavoriteAdmin(TableAdmin):
    list_display = ("listing", "wallet_address", "created_at")
    list_select_related = ("listing",)
    search_fields = ("wallet_address__startswith",)
    search_ids = ("id", "listing_id")
    search_help_text = "A whole id, of the favorite or its listing; or the beginning of a wallet."
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("listing",)
