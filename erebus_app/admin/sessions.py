"""Where users are logged in."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.validators import RegexValidator
from django.http import HttpRequest

from erebus_app.models import AuthSession
from nullstore.admin.base import TableAdmin
from nullstore.admin.forms import TableForm


class AuthSessionForm(TableForm):
    token_hash = forms.CharField(
        help_text="SHA-256 of the token, in hex. Cannot be changed afterwards.",
        validators=[RegexValidator(r"\A[0-9a-f]{64}\Z", "A SHA-256 is 64 hexadecimal digits in lower case.")],
    )


@admin.register(AuthSession)
class AuthSessionAdmin(TableAdmin):
    form = AuthSessionForm
    list_display = ("id", "user", "active", "ip_address", "created_at", "last_seen_at", "expires_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("user",)
    search_fields = ("user__source_identifier__startswith",)
    search_ids = ("id", "user_id", "wallet_id")
    search_help_text = "A whole id, of the session, its user or wallet; or the beginning of a user's source identifier."
    ordering = ("-created_at", "-id")
    raw_id_fields = ("user", "wallet")
    fields = (
        "id",
        "user",
        "wallet",
        "token_hash",
        "ip_address",
        "user_agent",
        "created_at",
        "last_seen_at",
        "expires_at",
        "revoked_at",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: AuthSession | None = None) -> list[Any]:  # type: ignore[override]
        return [*super().get_readonly_fields(request, obj), *(["token_hash"] if obj else [])]

    @admin.display(boolean=True)
    def active(self, session: AuthSession) -> bool:
        return session.is_active
