"""What a task's timeline is made of: its transitions, its messages, its artifacts, each as one entry."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from django.utils.dateparse import parse_datetime

from agents_app.admin.tasks.parts import Part, parts_of, without_bytes
from agents_app.admin.tasks.reading import SHOWN
from agents_app.models import TaskTransition
from nullstore.fields import Unreadable

_DATE_KEYS: Final = ("timestamp", "createdAt", "created_at", "at")
_ROLES: Final = {"ROLE_USER": "user", "ROLE_AGENT": "agent"}


@dataclass(slots=True)
class Entry:
    """One entry. `at` is None if it says no date, `who` is user, agent, or a name, `item` the message or artifact."""

    kind: str
    who: str
    at: datetime | None
    title: str = ""
    from_status: str = ""
    to_status: str = ""
    text: str = ""
    item: Any = None

    @property
    def parts(self) -> list[Part]:
        """What the item is made of; made when it is shown, for most of a long timeline is not."""
        if self.kind == "state":
            return []
        if isinstance(self.item, dict):
            return parts_of(self.item)
        if isinstance(self.item, Unreadable):
            return [Part("other", self.item)]
        return [Part("other", self.item, f"This {self.kind} is no object.")]

    @property
    def raw(self) -> str:
        """The item as JSON, as far as a page shows it."""
        if self.kind == "state":
            return ""
        if isinstance(self.item, Unreadable):
            return str(self.item)
        text = json.dumps(without_bytes(self.item), indent=2, ensure_ascii=False)
        return text if len(text) <= SHOWN else f"{text[:SHOWN]}…\n(cut off: {len(text):,} characters)"

    @property
    def when(self) -> str:
        """The moment in UTC; a template's filter would take ten times as long, and there may be a thousand of them."""
        return f"{self.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if self.at else ""


def of_transition(row: TaskTransition) -> Entry:
    """Return the entry of a change of status."""
    return Entry(
        "state", row.changed_by or "", row.changed_at,
        from_status=row.from_status or "", to_status=row.to_status, text=row.message or "",
    )  # fmt: skip


def of_message(place: int, item: Any) -> Entry:
    """Return the entry of the message at `place` of the history."""
    title = f"message {place + 1}"
    if not isinstance(item, dict):
        return Entry("message", "", None, title, item=item)
    role = item.get("role")
    who = _ROLES.get(role, role) if isinstance(role, str) else ""
    return Entry("message", who[:100], date_of(item), title, item=item)


def of_artifact(place: int, item: Any) -> Entry:
    """Return the entry of the artifact at `place`."""
    title = f"artifact {place + 1}"
    if not isinstance(item, dict):
        return Entry("artifact", "", None, title, item=item)
    name, description = item.get("name"), item.get("description")
    title += f": {name[:255]}" if isinstance(name, str) else ""
    text = description[:SHOWN] if isinstance(description, str) else ""
    return Entry("artifact", "agent", date_of(item), title, text=text, item=item)


def date_of(item: dict[str, Any]) -> datetime | None:
    """Return the date that a message or artifact says, in its metadata or beside it; without a zone it is UTC."""
    found = (_date(value) for value in _dates(item))
    return next((date for date in found if date), None)


def _dates(item: dict[str, Any]) -> Iterator[Any]:
    for place in (item.get("metadata"), item):
        if isinstance(place, dict):
            yield from (place[key] for key in _DATE_KEYS if key in place)


def _date(value: Any) -> datetime | None:
    try:
        if isinstance(value, str):
            return _plausible(parse_datetime(value))
        if isinstance(value, int | float) and not isinstance(value, bool):
            # Above this, seconds would be a date after the year 5000: they are milliseconds.
            return _plausible(datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC))
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _plausible(date: datetime | None) -> datetime | None:
    """Return the date in UTC, unless it is none that a message can have: those at the ends of time break arithmetic."""
    if date is None or not 1970 <= date.year < 3000:
        return None
    return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
