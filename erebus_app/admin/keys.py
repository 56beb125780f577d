"""Keys of LLM providers. No page shows a secret or its ciphertext: a secret goes in, and never comes out."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables

from erebus_app.models import AgentApiKey, SecretAccessLog
from erebus_app.services.keys import Access, add_key, rotate_key
from nullstore.admin.actor import name_of
from nullstore.admin.base import TableAdmin
from nullstore.admin.forms import TableForm
from nullstore.admin.readonly import ReadOnlyAdmin


class AgentApiKeyForm(TableForm):
    new_secret = forms.CharField(
        label="Secret",
        max_length=4096,
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off", "class": "vTextField"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        adding = self.instance._state.adding
        # Those who may only look have no such field.
        if field := self.fields.get("new_secret"):
            field.required = adding
            field.label = "Secret" if adding else "New secret"
            field.help_text = "Stored encrypted, and never shown again." if adding else "Empty: the stored one stays."

    @sensitive_variables()
    def clean_new_secret(self) -> str:
        secret: str = self.cleaned_data["new_secret"]
        if secret:
            try:
                # Says what is wrong with it, without repeating it.
                AgentApiKey().set_secret(secret)
            except ValueError as error:
                raise ValidationError(str(error), "invalid") from None
        return secret


@admin.register(AgentApiKey)
class AgentApiKeyAdmin(TableAdmin):
    form = AgentApiKeyForm
    write_only_fields = ("new_secret",)
    list_display = (
        "agent_name",
        "provider",
        "key",
        "key_fingerprint",
        "key_name",
        "usage_count",
        "last_used_at",
        "is_active",
    )
    list_filter = ("provider", "is_active", ("revoked_at", admin.EmptyFieldListFilter))
    search_fields = ("agent_name", "key_name", "key_fingerprint__startswith")
    search_help_text = "A whole id, part of an agent's or key's name, or the beginning of a fingerprint."
    ordering = ("agent_name", "provider")
    readonly_fields = ("key", "usage_count", "last_used_at")
    fieldsets = (
        (None, {"fields": ("id", "agent_name", "provider", "key_name", "new_secret")}),
        ("What is stored", {"fields": ("key", "key_fingerprint", "usage_count", "last_used_at")}),
        ("State", {"fields": ("is_active", "revoked_at", "created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[AgentApiKey]:
        """Return the rows without their ciphertext, which no page needs."""
        return super().get_queryset(request).defer("secret")

    def lookup_allowed(self, lookup: str, value: str, request: Any = None) -> bool:
        """Refuse a filter in the URL that would ask the ciphertext questions."""
        return lookup.partition("__")[0] != "secret" and super().lookup_allowed(lookup, value, request)

    @method_decorator(sensitive_post_parameters("new_secret"))
    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return super().changeform_view(request, *args, **kwargs)

    @sensitive_variables()
    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        secret = form.cleaned_data["new_secret"]
        access = Access(name_of(request.user), request.META.get("REMOTE_ADDR") or None)
        if not change:
            add_key(obj, secret, access)
            return
        super().save_model(request, obj, form, change)
        if secret:
            rotate_key(obj, secret, access)

    @admin.display(description="key")
    def key(self, obj: AgentApiKey) -> str | None:
        """What people may see of it."""
        ends = (obj.key_prefix, obj.key_suffix)
        return "…".join(end or "" for end in ends) if any(ends) else None


@admin.register(SecretAccessLog)
class SecretAccessLogAdmin(ReadOnlyAdmin):
    list_display = ("at", "action", "agent_name", "provider", "actor", "ip_address")
    list_filter = ("action",)
    search_fields = ("agent_name", "actor")
    search_ids = ("api_key_id",)
    search_help_text = "The whole id of a key, or part of an agent's or actor's name."
    ordering = ("-id",)
    fields = ("at", "action", "api_key_id", "agent_name", "provider", "actor", "reason", "ip_address")
