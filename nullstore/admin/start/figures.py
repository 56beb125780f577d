"""The figures of the start page: what each counts, and the list that it links to."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any, Final

from django.apps import apps
from django.db.models import QuerySet
from django.utils import timezone

from nullstore.admin.lists.counts import RowCount
from nullstore.admin.show import list_url
from nullstore.admin.start.counting import rows_of
from nullstore.admin.start.keeping import SETTLED, Shelf

USERS, TASKS, ENGRAMS, LISTINGS = (
    "erebus_app.UserReference",
    "agents_app.Task",
    "agents_app.Engram",
    "erebus_app.Listing",
)
DAYS: Final = 14
_DAY: Final = timedelta(days=1)

_past_days: Final[Shelf[RowCount]] = Shelf()


@dataclass(frozen=True, slots=True)
class Counted:
    """So many rows, and the list that has them."""

    label: str
    count: RowCount
    url: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, or several that belong together. `kind` is number, days or parts; `model` whose rows are counted."""

    name: str
    title: str
    kind: str
    model: str
    load: Callable[[], list[Counted]]


def forget() -> None:
    """Count past days anew, too."""
    _past_days.forget()


def _rows(label: str) -> QuerySet[Any]:
    rows: QuerySet[Any] = apps.get_model(label)._default_manager.all()
    return rows


def _total(label: str, noun: str) -> list[Counted]:
    return [Counted(noun, rows_of(_rows(label)), list_url(label))]


def _failed() -> list[Counted]:
    since = timezone.now() - _DAY
    count = rows_of(_rows(TASKS).filter(status="failed", status_timestamp__gte=since))
    return [Counted("failed", count, list_url(TASKS, status="failed", status_timestamp__within="day"))]


def _waiting() -> list[Counted]:
    count = rows_of(_rows(LISTINGS).filter(status="pending"))
    return [Counted("pending", count, list_url(LISTINGS, status="pending"))]


def _parts(label: str, column: str) -> list[Counted]:
    """One for each choice of the column."""
    choices: Iterable[Any] = apps.get_model(label)._meta.get_field(column).flatchoices
    return [
        Counted(str(value), rows_of(_rows(label).filter(**{column: value})), list_url(label, **{column: value}))
        for value, _ in choices
    ]


def _per_day(label: str) -> list[Counted]:
    """One for each of the last days. A day before yesterday is counted once an hour: rows are not made in the past."""
    today = timezone.localdate()
    return [_of_day(label, today - number * _DAY, today) for number in reversed(range(DAYS))]


def _of_day(label: str, day: date, today: date) -> Counted:
    begin, end = _midnight(day), _midnight(day + _DAY)
    count = partial(rows_of, _rows(label).filter(created_at__gte=begin, created_at__lt=end))
    kept = _past_days.get(f"{label} {day}", count, SETTLED) if day < today - _DAY else None
    url = list_url(label, created_at__gte=day.isoformat(), created_at__lt=(day + _DAY).isoformat())
    return Counted(day.isoformat(), kept.value if kept else count(), url)


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time()))


FIGURES: Final = (
    Figure("users", "Users", "number", USERS, partial(_total, USERS, "in erebus")),
    Figure("tasks", "Tasks", "number", TASKS, partial(_total, TASKS, "in agents")),
    Figure("engrams", "Engrams", "number", ENGRAMS, partial(_total, ENGRAMS, "in agents")),
    Figure("failed", "Failed tasks of the last 24 h", "number", TASKS, _failed),
    Figure("waiting", "Listings waiting for review", "number", LISTINGS, _waiting),
    Figure("users-per-day", "Users per day", "days", USERS, partial(_per_day, USERS)),
    Figure("tasks-per-day", "Tasks per day", "days", TASKS, partial(_per_day, TASKS)),
    Figure("tasks-by-state", "Tasks by state", "parts", TASKS, partial(_parts, TASKS, "status")),
    Figure("engrams-by-type", "Engrams by type", "parts", ENGRAMS, partial(_parts, ENGRAMS, "engram_type")),
)
