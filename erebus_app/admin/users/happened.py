"""What happened to a user, in one dated list: his own doings as far as rows have a date, and what staff did."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType

from erebus_app.models import AuthSession, UserReference, Wallet
from nullstore.admin.sections import Section
from nullstore.admin.show import pill
from nullstore.databases import EREBUS

#: How many events are shown, the newest first, and read of each kind.
EVENTS: Final = 12


class Event(NamedTuple):
    """Something that happened, and who did it ("" = the user, or a service)."""

    at: datetime
    what: str
    who: str = ""


def happened_section(user_id: Any) -> Section:
    """Return the section with the newest events."""

    def load() -> dict[str, Any]:
        user = UserReference.objects.only("created_at", "updated_at", "is_active", "source_identifier").get(pk=user_id)
        events = sorted([*_of_user(user), *_of_sessions(user_id), *_of_staff(user_id)], reverse=True)
        return {"user": user, "events": events[:EVENTS], "more": len(events) > EVENTS, "state": _state(user)}

    return Section("What happened", "admin/erebus_app/userreference/happened.html", load, "happened", EREBUS)


def _state(user: UserReference) -> Any:
    return pill("active" if user.is_active else "inactive")


def _of_user(user: UserReference) -> Iterator[Event]:
    yield Event(user.created_at, "Came in")
    for wallet in Wallet.objects.filter(user=user).order_by("created_at")[:EVENTS]:
        yield Event(wallet.created_at, f"Connected the wallet {wallet.address} ({wallet.chain})")


def _of_sessions(user_id: Any) -> Iterator[Event]:
    newest = AuthSession.objects.filter(user_id=user_id).order_by("-created_at", "-id").defer("user_agent")
    for session in newest[:EVENTS]:
        origin = f" from {session.ip_address}" if session.ip_address else ""
        yield Event(session.created_at, f"Logged in{origin}")
        if session.revoked_at:
            yield Event(session.revoked_at, f"Session{origin} revoked")


def _of_staff(user_id: Any) -> Iterator[Event]:
    kind = ContentType.objects.get_for_model(UserReference)
    entries = LogEntry.objects.filter(content_type=kind, object_id=str(user_id)).select_related("user")
    for entry in entries.order_by("-action_time")[:EVENTS]:
        yield Event(entry.action_time, entry.get_change_message() or str(entry), entry.user.get_username())
