"""What happened to a user, in one dated list: his own doings as far as rows have a date, and what staff did."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from erebus_app.admin.sessions import Revoke
from erebus_app.models import AuthSession, UserReference, Wallet
from nullstore.admin.neighbours import may_view
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


def happened_section(request: HttpRequest, user_id: Any) -> Section:
    """Return the section with the newest events, of other tables those that the member of staff may see."""
    kinds = [_of_staff]
    if may_view(request, "erebus_app.Wallet"):
        kinds.append(_of_wallets)
    if may_view(request, "erebus_app.AuthSession"):
        kinds.append(_of_sessions)

    def load() -> dict[str, Any]:
        columns = ("created_at", "updated_at", "is_active", "source_identifier")
        user = UserReference.objects.only(*columns).filter(pk=user_id).first()
        if user is None:
            return {"user": None}
        others = (event for events_of in kinds for event in events_of(user_id))
        events = sorted([Event(user.created_at, "Came in"), *others], reverse=True)
        return {"user": user, "events": events[:EVENTS], "more": len(events) > EVENTS, "state": _state(user)}

    return Section("What happened", "admin/erebus_app/userreference/happened.html", load, "happened", EREBUS)


def _state(user: UserReference) -> Any:
    return pill("active" if user.is_active else "inactive")


def _of_wallets(user_id: Any) -> Iterator[Event]:
    for wallet in Wallet.objects.filter(user_id=user_id).order_by("-created_at")[:EVENTS]:
        yield Event(wallet.created_at, f"Connected the wallet {wallet.address} ({wallet.chain})")


def _of_sessions(user_id: Any) -> Iterator[Event]:
    newest = AuthSession.objects.filter(user_id=user_id).order_by("-created_at", "-id").defer("user_agent")
    sessions = list(newest[:EVENTS])
    by_staff = _revoked_by_staff(session for session in sessions if session.revoked_at)
    for session in sessions:
        origin = f" from {session.ip_address}" if session.ip_address else ""
        yield Event(session.created_at, f"Logged in{origin}")
        if entry := by_staff.get(str(session.pk)):
            yield Event(entry.action_time, f"Session{origin}: {entry.get_change_message()}", entry.user.get_username())
        elif session.revoked_at:
            yield Event(session.revoked_at, f"Session{origin} revoked")


def _revoked_by_staff(sessions: Iterable[AuthSession]) -> dict[str, LogEntry]:
    """Return what the admin's log says of these sessions' end, by id, as far as staff ended them one by one."""
    entries = _entries(AuthSession, [str(session.pk) for session in sessions])
    return {str(entry.object_id): entry for entry in entries.filter(change_message__startswith=f"{Revoke.done}.")}


def _of_staff(user_id: Any) -> Iterator[Event]:
    for entry in _entries(UserReference, [str(user_id)]).order_by("-action_time")[:EVENTS]:
        yield Event(entry.action_time, entry.get_change_message() or str(entry), entry.user.get_username())


def _entries(model: type[Model], keys: list[str]) -> QuerySet[LogEntry]:
    kind = ContentType.objects.get_for_model(model)
    return LogEntry.objects.filter(content_type=kind, object_id__in=keys).select_related("user")
