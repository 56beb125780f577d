"""Users: the source of the replica."""

from typing import Any, Final

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest

from erebus_app.admin.users.actions import Deactivate, Reactivate, RevokeSessions
from erebus_app.admin.users.agents import engrams_section, replica_section
from erebus_app.admin.users.erebus import sessions_section, wallets_section
from erebus_app.admin.users.happened import happened_section
from erebus_app.models import UserReference
from nullstore.admin.base import TableAdmin
from nullstore.admin.identity import IdentityColumns
from nullstore.admin.lists.filters import Exact, OneOf, TimeWindow
from nullstore.admin.neighbours import may_view
from nullstore.admin.prefixes import lower_prefix
from nullstore.admin.sections import Sections
from nullstore.admin.usertasks import tasks_section

#: By these a service finds whose account it is: whoever writes them decides who may log in to it.
IDENTITY: Final = ("source_identifier", "network", "email", "source_type")


@admin.register(UserReference)
class UserReferenceAdmin(IdentityColumns, TableAdmin):
    list_filter = (("is_active", OneOf), ("user_type", OneOf), ("network", Exact), ("created_at", TimeWindow))
    row_actions = (Deactivate, Reactivate, RevokeSessions)
    search_help_text = (
        "An id, source identifier or e-mail address, or the beginning of one. Of an e-mail address upper and lower "
        "case are the same."
    )

    def matching_email(self, text: str) -> Q:
        return lower_prefix("email", text)

    def get_readonly_fields(self, request: HttpRequest, obj: UserReference | None = None) -> list[Any]:  # type: ignore[override]
        """Whether a user is active is decided by actions, which ask about sessions and keep the reason."""
        given = super().get_readonly_fields(request, obj)
        if obj is None:
            return given
        return [*given, "is_active", *(() if request.user.is_superuser else IDENTITY)]

    def sections_above(self, request: HttpRequest, obj: Any) -> Sections:
        return [*super().sections_above(request, obj), happened_section(request, obj.pk)]

    def sections_below(self, request: HttpRequest, obj: Any) -> Sections:
        """Show of other tables what the member of staff may see of them."""
        sections = {
            "erebus_app.Wallet": wallets_section,
            "erebus_app.AuthSession": sessions_section,
            "agents_app.Task": tasks_section,
            "agents_app.Engram": engrams_section,
            "agents_app.UserReference": replica_section,
        }
        shown = [make(obj.pk) for label, make in sections.items() if may_view(request, label)]
        return [*super().sections_below(request, obj), *shown]
