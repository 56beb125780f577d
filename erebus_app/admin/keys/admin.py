"""The admin of API keys."""

from typing import Any, Final

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db import models
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_variables

from erebus_app.admin.keys import sections
from erebus_app.admin.keys.actions import Reveal, Revoke, Rotate, shared_with
from erebus_app.admin.keys.filters import SharedSecret, State
from erebus_app.admin.keys.forms import KeyForm, NewKeyForm
from erebus_app.admin.keys.guarding import guarded
from erebus_app.admin.keys.reveal import reveal
from erebus_app.models import AgentApiKey
from erebus_app.services.keys import add_key, delete_key
from nullstore.admin.actor import actor_of
from nullstore.admin.base import TableAdmin
from nullstore.admin.lists.filters import OneOf
from nullstore.admin.rowactions import RowAction
from nullstore.admin.sections import Sections
from nullstore.admin.show import ago, pill, row_url

_HELP: Final = {
    "is_active": "Untick it to pause the key; tick it again at any time. To end its use for good, revoke it."
}


@admin.register(AgentApiKey)
class AgentApiKeyAdmin(TableAdmin):
    row_actions = (Rotate, Reveal, Revoke)
    list_display = ("agent_name", "provider", "state", "key", "fingerprint", "usage_count", "last_use")
    list_filter = (("provider", OneOf), State, SharedSecret)
    search_fields = ("agent_name__startswith", "key_name__startswith", "key_fingerprint__startswith")
    search_help_text = "A whole id, or the beginning of an agent's name, a key's name or a fingerprint."
    ordering = ("agent_name", "provider")
    readonly_fields = ("key", "fingerprint", "usage_count", "last_used_at", "state", "revoked_at")
    fieldsets = (
        (None, {"fields": ("id", "agent_name", "provider", "key_name", "new_secret")}),
        ("What is stored", {"fields": ("key", "fingerprint", "usage_count", "last_used_at")}),
        ("State", {"fields": ("state", "is_active", "revoked_at", "created_at", "updated_at")}),
    )

    def get_urls(self) -> list[URLPattern]:
        """Guard every page of keys: nothing that is sent to one is in a crash report."""
        urls = super().get_urls()
        for url in urls:
            url.callback = guarded(url.callback)
        return urls

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentApiKey]:
        """Return the rows without their ciphertext, which no page needs, and with the answer whether one has a twin."""
        twins = AgentApiKey.objects.filter(key_fingerprint=OuterRef("key_fingerprint")).exclude(pk=OuterRef("pk"))
        rows = super().get_queryset(request).defer("secret")
        found: QuerySet[AgentApiKey] = rows.annotate(has_twin=Exists(twins.order_by()))
        return found

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Offer no deletion of many: a key is deleted on its own page, after it was revoked."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        texts = _HELP if obj is None or obj.revoked_at is None else {}
        given = {"form": KeyForm if change else NewKeyForm, "help_texts": texts, **kwargs}
        return super().get_form(request, obj, change, **given)

    def get_fieldsets(self, request: HttpRequest, obj: models.Model | None = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None:
            return fieldsets
        return [
            (title, {**options, "fields": [name for name in options["fields"] if name != "new_secret"]})
            for title, options in fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """A key stays with its agent and provider, which the log names; a revoked one stays as it is."""
        fixed = [] if obj is None else ["agent_name", "provider"]
        if obj is not None and obj.revoked_at is not None:
            fixed += ["key_name", "is_active"]
        return [*super().get_readonly_fields(request, obj), *fixed]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        if obj is not None and obj.revoked_at is not None:
            context |= dict.fromkeys(("show_save", "show_save_and_continue", "show_save_and_add_another"), False)
        elif obj is not None:
            context["show_delete"] = False
        page: HttpResponse = super().render_change_form(request, context, *args, obj=obj, **kwargs)
        return page

    @sensitive_variables()
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        add_key(obj, form.cleaned_data["new_secret"], actor_of(request))
        if shared := shared_with(obj):
            self.message_user(request, shared, messages.WARNING)

    def delete_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        key = self.get_object(request, unquote(object_id))
        if key is not None and key.revoked_at is None and self.has_delete_permission(request, key):
            text = f"The key of {key} is in use. Revoke it first; only a revoked key can be deleted."
            self.message_user(request, text, messages.WARNING)
            return HttpResponseRedirect(row_url(self.opts.label, key.pk))
        return super().delete_view(request, object_id, *args, **kwargs)

    def delete_model(self, request: HttpRequest, obj: models.Model) -> None:
        delete_key(obj.pk, actor_of(request))

    def answer(self, request: HttpRequest, action: type[RowAction], row: Any) -> HttpResponse:
        return reveal(self, request, row) if action is Reveal else super().answer(request, action, row)

    def sections_above(self, request: HttpRequest, obj: Any) -> Sections:
        twins = [sections.twins(obj)] if obj.has_twin else []
        return [*super().sections_above(request, obj), *twins]

    def sections_below(self, request: HttpRequest, obj: Any) -> Sections:
        own = [sections.access_log(request, obj), sections.agents_of_name(request, obj)]
        return [*super().sections_below(request, obj), *(section for section in own if section)]

    @admin.display(description="key")
    def key(self, obj: AgentApiKey) -> str | None:
        """What people may see of it."""
        return obj.visible

    @admin.display(description="fingerprint")
    def fingerprint(self, obj: Any) -> SafeString | str | None:
        if not obj.has_twin:
            return obj.key_fingerprint  # type: ignore[no-any-return]
        return format_html("{} {}", obj.key_fingerprint, pill("same secret elsewhere", "waits"))

    @admin.display(description="last use", empty_value="never")
    def last_use(self, obj: AgentApiKey) -> SafeString | str | None:
        return ago(obj.last_used_at) if obj.last_used_at else None

    @admin.display(description="state")
    def state(self, obj: AgentApiKey) -> SafeString | str:
        return pill(obj.state)
