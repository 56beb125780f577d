"""The list of engrams, and an engram's page."""

from datetime import datetime, timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html

from agents_app.admin.base import AgentsAdmin
from agents_app.admin.engrams.actions import Fork, Publish, Revert, Unpublish
from agents_app.admin.engrams.filters import Expired, search_condition
from agents_app.admin.engrams.page import sections_of_engram
from agents_app.models import Engram, EngramHistory
from nullstore.adapters import later
from nullstore.admin.forms import TableForm
from nullstore.admin.lists.filters import Exact, HasTag, OneOf, TimeWindow
from nullstore.admin.lists.search import as_uuid
from nullstore.admin.sections import Sections
from nullstore.admin.show import ago, list_url, moment, pill, row_url

#: How many tags of an engram its list shows.
TAGS: Final = 5


class EngramForm(TableForm):
    reason = forms.CharField(
        label="Reason for the change",
        max_length=EngramHistory._meta.get_field("change_reason").max_length,
        required=False,
        help_text="Kept with the version that this change replaces.",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


@admin.register(Engram)
class EngramAdmin(AgentsAdmin):
    form = EngramForm
    write_only_fields = ("reason",)
    list_display = (
        "key",
        "engram_type",
        "wallet",
        "version",
        "tagged",
        "public",
        "expires",
        "updated",
        "created_at",
    )
    list_filter = (
        ("engram_type", OneOf),
        ("wallet_address", Exact),
        ("tags", HasTag),
        ("is_public", OneOf),
        ("is_mintable", OneOf),
        Expired,
        ("created_at", TimeWindow),
    )
    search_fields = ("key__startswith", "wallet_address__startswith")
    search_ids = ("id", "parent_id", "lineage_root_id")
    search_help_text = (
        "A whole id, of the engram or an ancestor; the beginning of a key or wallet; words of the summary."
    )
    ordering = ("-created_at", "-id")
    sortable = ("created_at",)
    row_actions = (Revert, Publish, Unpublish, Fork)
    raw_id_fields = ("parent",)
    fieldsets = (
        (None, {"fields": ("id", "wallet_address", "engram_type", "key", "tags")}),
        ("What is remembered", {"fields": ("content", "summary", "version", "reason")}),
        ("Lineage", {"fields": ("parent", "lineage_root_id", "created_by")}),
        ("Publication", {"fields": ("is_public", "is_mintable", "nft_token_id", "price_mon", "royalty_percent")}),
        ("Keeping", {"fields": ("priority", "ttl_seconds")}),
        ("Times", {"fields": ("created_at", "updated_at", "accessed_at")}),
    )

    @admin.display(description="wallet")
    def wallet(self, obj: Engram) -> str:
        """Its beginning and end, which lead to all engrams of the wallet."""
        address = obj.wallet_address
        short = address if len(address) <= 14 else f"{address[:6]}…{address[-6:]}"
        url = list_url("agents_app.Engram", wallet_address=address)
        return format_html('<a href="{}" title="{}">{}</a>', url, address, short)

    @admin.display(description="tags")
    def tagged(self, obj: Engram) -> str:
        more = len(obj.tags) - TAGS
        return ", ".join(obj.tags[:TAGS]) + (f", and {more:,} more" if more > 0 else "")

    @admin.display(description="public")
    def public(self, obj: Engram) -> str:
        return pill("public", "good") if obj.is_public else pill("private", "off")

    @admin.display(description="expires")
    def expires(self, obj: Engram) -> str:
        if obj.ttl_seconds is None:
            return "never"
        at = later(obj.created_at, timedelta(seconds=obj.ttl_seconds))
        return format_html("{} {}", pill("expired"), ago(at)) if at <= timezone.now() else ago(at)

    @admin.display(description="updated")
    def updated(self, obj: Engram) -> str:
        return ago(obj.updated_at)

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        text = search_term.strip()
        if not text or "\x00" in text or as_uuid(text) is not None:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(search_condition(text)), False

    def sections_above(self, request: HttpRequest, obj: Any) -> Sections:
        if request.method == "POST":
            # A form that was refused comes first.
            return super().sections_above(request, obj)
        may_revert = obj.version > 1 and self.may(request, Revert, obj)
        revert_url = self.action_url(Revert, obj) if may_revert else ""
        return [*super().sections_above(request, obj), *sections_of_engram(request, obj, revert_url)]

    def who_changed(self, obj: Any, since: datetime) -> str:
        """Return who wrote the current version, if it was written after `since`."""
        replaced = EngramHistory.objects.defer("content").filter(engram_id=obj.pk, version=obj.version - 1).first()
        if replaced is None or replaced.created_at <= since:
            return super().who_changed(obj, since)
        why = f" ({replaced.change_reason})" if replaced.change_reason else ""
        return f"by {replaced.changed_by or 'a service'} at {moment(replaced.created_at)}{why}"

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """Lead to the trail of an engram that is gone."""
        key = as_uuid(unquote(object_id))
        last = (
            EngramHistory.objects.defer("content").filter(engram_id=key).order_by("-version").first() if key else None
        )
        if last is None:
            return super()._get_obj_does_not_exist_redirect(request, opts, object_id)  # type: ignore[misc, no-any-return]
        self.message_user(request, "This engram is gone. Its trail is still here.", messages.WARNING)
        return HttpResponseRedirect(row_url("agents_app.EngramHistory", last.pk))
