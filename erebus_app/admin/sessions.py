"""Where users are logged in."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.validators import RegexValidator
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils.safestring import SafeString

from erebus_app.models import AuthSession
from erebus_app.services import sessions
from nullstore.actor import Actor
from nullstore.admin.base import TableAdmin
from nullstore.admin.forms import TableForm
from nullstore.admin.lists.filters import Conditions, TimeWindow
from nullstore.admin.prefixes import IndexedSearch, id_prefix
from nullstore.admin.rowactions import RowAction
from nullstore.admin.show import pill

#: Of the hash people see so many characters: enough to tell two sessions apart.
HASH_SHOWN = 8


class AuthSessionForm(TableForm):
    token_hash = forms.CharField(
        help_text="SHA-256 of the token, in hex. Cannot be changed afterwards, nor seen.",
        validators=[RegexValidator(r"\A[0-9a-f]{64}\Z", "A SHA-256 is 64 hexadecimal digits in lower case.")],
    )


class State(Conditions):
    title = "state"
    parameter_name = "state"
    conditions = {
        "active": ("Active", lambda: Q(revoked_at__isnull=True, expires_at__gt=Now())),
        "expired": ("Expired", lambda: Q(revoked_at__isnull=True, expires_at__lte=Now())),
        "revoked": ("Revoked", lambda: Q(revoked_at__isnull=False)),
    }


class Revoke(RowAction):
    name = "revoke"
    label = "Revoke"
    done = "Revoked"
    question = "The session ends now; the user may log in again."
    dangerous = True
    # Its name in full: that of the form says no, for everybody.
    permission = "erebus_app.change_authsession"

    def offered(self, row: AuthSession) -> bool:
        return row.is_active

    def run(self, row_id: Any, actor: Actor, data: dict[str, Any]) -> None:
        sessions.revoke(row_id, actor)


@admin.register(AuthSession)
class AuthSessionAdmin(IndexedSearch, TableAdmin):
    """A session can be looked at and revoked. Whoever edited one would decide who is logged in as whom."""

    form = AuthSessionForm
    list_display = ("id", "user", "state", "ip_address", "created_at", "last_seen_at", "expires_at", "revoked_at")
    list_filter = (State, ("created_at", TimeWindow))
    list_select_related = ("user",)
    search_fields = ("id",)
    search_help_text = "An id or its beginning: of the session, its user or its wallet."
    ordering = ("-created_at", "-id")
    sortable = ("created_at",)
    raw_id_fields = ("user", "wallet")
    row_actions = (Revoke,)
    fields = (
        "id",
        "state",
        "user",
        "wallet",
        "token_hash",
        "hash_begins",
        "ip_address",
        "user_agent",
        "created_at",
        "last_seen_at",
        "expires_at",
        "revoked_at",
    )

    def matching(self, text: str) -> Q:
        return id_prefix(text, "id", "user_id", "wallet_id") or Q(pk__in=[])

    def has_change_permission(self, request: HttpRequest, obj: AuthSession | None = None) -> bool:
        return obj is None and super().has_change_permission(request)

    def get_readonly_fields(self, request: HttpRequest, obj: AuthSession | None = None) -> list[Any]:  # type: ignore[override]
        """Leave these out while one is being added: a session is ended by Revoke, which says who did it."""
        return [*super().get_readonly_fields(request, obj), "state", "hash_begins", "revoked_at"]

    def get_fields(self, request: HttpRequest, obj: AuthSession | None = None) -> list[str]:  # type: ignore[override]
        return [name for name in self.fields if name != ("token_hash" if obj else "hash_begins")]

    @admin.display(description="state")
    def state(self, session: AuthSession) -> SafeString | str:
        return pill("active" if session.is_active else "revoked" if session.revoked_at else "expired")

    @admin.display(description="token hash")
    def hash_begins(self, session: AuthSession) -> str:
        return f"{session.token_hash[:HASH_SHOWN]}…"
