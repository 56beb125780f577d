"""What the marketplace offers, and the queue of what waits for a decision."""

from typing import Any

from django.contrib import admin
from django.contrib.postgres.search import SearchQuery
from django.db.models import Q
from django.http import HttpRequest
from django.utils.safestring import SafeString

from erebus_app.admin.listings.actions import ACTIONS
from erebus_app.admin.listings.queue import queue_section, waiting
from erebus_app.admin.listings.sections import listing_sections, sol
from erebus_app.models import Listing, ListingVersion
from nullstore.admin.base import TableAdmin
from nullstore.admin.deleting import BoundedDeletion
from nullstore.admin.lists.filters import HasTag, OneOf, TimeWindow
from nullstore.admin.prefixes import IndexedSearch, id_prefix
from nullstore.admin.sections import Sections
from nullstore.admin.show import pill


@admin.register(Listing)
class ListingAdmin(IndexedSearch, BoundedDeletion, TableAdmin):
    change_list_template = "admin/erebus_app/listing/change_list.html"
    list_display = (
        "title",
        "listing_type",
        "author",
        "state",
        "price",
        "rated",
        "created_at",
    )
    list_filter = (
        ("status", OneOf),
        ("listing_type", OneOf),
        ("is_free", OneOf),
        ("tags", HasTag),
        ("created_at", TimeWindow),
    )
    search_fields = ("search_vector",)
    search_help_text = (
        "Words of title, tags or description, as in a web search (“two words”, or, -not); the beginning of an id or "
        "of the author's wallet."
    )
    ordering = ("-created_at", "-id")
    sortable = ("created_at",)
    row_actions = ACTIONS
    # Decisions are actions: they know which may follow which, and who decided why.
    readonly_fields = ("status", "download_count", "view_count")
    fieldsets = (
        (None, {"fields": ("id", "listing_type", "title", "description", "version", "tags")}),
        ("Author", {"fields": ("author", "author_wallet")}),
        ("Review", {"fields": ("status", "review_note")}),
        ("Price", {"fields": ("price_lamports", "is_free")}),
        ("Figures", {"fields": ("rating", "total_ratings", "download_count", "view_count")}),
        ("Metadata", {"fields": ("metadata",), "classes": ("collapse",)}),
        ("Times", {"fields": ("created_at", "updated_at")}),
    )

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """The review queue begins with the listing that has waited longest."""
        return ("created_at", "id") if request.GET.get("status") == Listing.Status.PENDING else self.ordering

    def matching(self, text: str) -> Q:
        words = SearchQuery(text, config="pg_catalog.english", search_type="websearch")
        return Q(search_vector=words) | Q(author_wallet__startswith=text) | id_prefix(text, "id")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, extra_context={"queue": waiting(), **(extra_context or {})})

    def sections_above(self, request: HttpRequest, obj: Any) -> Sections:
        return [*super().sections_above(request, obj), queue_section(obj)]

    def sections_below(self, request: HttpRequest, obj: Any) -> Sections:
        return [*super().sections_below(request, obj), *listing_sections(request, obj.pk)]

    @admin.display(description="status")
    def state(self, listing: Listing) -> SafeString | str:
        return pill(listing.status, label=listing.get_status_display())

    @admin.display(description="price in SOL")
    def price(self, listing: Listing) -> str:
        return sol(listing.price_lamports)

    @admin.display(description="rating")
    def rated(self, listing: Listing) -> str | None:
        return f"{listing.rating} ({listing.total_ratings:,})" if listing.total_ratings else None


@admin.register(ListingVersion)
class ListingVersionAdmin(IndexedSearch, TableAdmin):
    list_display = ("listing", "version", "created_at")
    list_filter = (("created_at", TimeWindow),)
    list_select_related = ("listing",)
    search_fields = ("id",)
    search_help_text = "An id or its beginning: of the version or its listing."
    ordering = ("-created_at", "-id")
    sortable = ("created_at",)
    autocomplete_fields = ("listing",)

    def matching(self, text: str) -> Q:
        return id_prefix(text, "id", "listing_id") or Q(pk__in=[])
