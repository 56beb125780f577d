"""What the marketplace offers."""

from django.contrib import admin

from erebus_app.models import Listing, ListingVersion
from nullstore.admin.base import TableAdmin


@admin.register(Listing)
class ListingAdmin(TableAdmin):
    list_display = (
        "title",
        "listing_type",
        "version",
        "author",
        "status",
        "price_lamports",
        "rating",
        "total_ratings",
        "created_at",
    )
    list_filter = ("status", "listing_type", "is_free")
    search_fields = ("title", "author", "author_wallet__startswith")
    search_help_text = "A whole id, part of a title or author's name, or the beginning of the author's wallet."
    ordering = ("-created_at", "-id")
    readonly_fields = ("download_count", "view_count")
    fieldsets = (
        (None, {"fields": ("id", "listing_type", "title", "description", "version", "tags")}),
        ("Author", {"fields": ("author", "author_wallet")}),
        ("Review", {"fields": ("status", "review_note")}),
        ("Price", {"fields": ("price_lamports", "is_free")}),
        ("Figures", {"fields": ("rating", "total_ratings", "download_count", "view_count")}),
        ("Metadata", {"fields": ("metadata",), "classes": ("collapse",)}),
        ("Times", {"fields": ("created_at", "updated_at")}),
    )


@admin.register(ListingVersion)
class ListingVersionAdmin(TableAdmin):
    list_display = ("listing", "version", "created_at")
    list_select_related = ("listing",)
    search_fields = ("listing__title", "version")
    search_ids = ("id", "listing_id")
    search_help_text = "A whole id, of the version or its listing; or part of the title or version."
    ordering = ("-created_at", "-id")
    autocomplete_fields = ("listing",)
