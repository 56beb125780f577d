"""What else erebus knows of a user: wallets and sessions."""

from typing import Any

from django.db.models.functions import Now

from erebus_app.models import AuthSession, Wallet
from nullstore.admin.neighbours import first_of
from nullstore.admin.sections import Section
from nullstore.databases import EREBUS

_TEMPLATES = "admin/erebus_app/userreference"
#: How many sessions that have ended are shown beside the active ones.
ENDED = 5


def wallets_section(user_id: Any) -> Section:
    """Return the section with the user's wallets, the primary one first."""

    def load() -> dict[str, Any]:
        wallets = Wallet.objects.filter(user_id=user_id).order_by("-is_primary", "created_at", "id")
        return {**first_of(wallets), "user_id": user_id}

    return Section("Wallets", f"{_TEMPLATES}/wallets.html", load, "wallets", EREBUS)


def sessions_section(user_id: Any) -> Section:
    """Return the section with the user's active sessions and the newest of those that have ended."""

    def load() -> dict[str, Any]:
        # The columns of sessions_user, in its order: the newest are read, however many there are.
        newest = AuthSession.objects.filter(user_id=user_id).order_by("-created_at", "-id")
        active = first_of(newest.active())
        ended = newest.filter(revoked_at__isnull=False) | newest.filter(expires_at__lte=Now())
        return {"active": active["rows"], "more": active["more"], "ended": ended[:ENDED], "user_id": user_id}

    return Section("Sessions", f"{_TEMPLATES}/sessions.html", load, "sessions", EREBUS)
