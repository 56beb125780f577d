"""The filter by time."""

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from nullstore.admin.lists.filters.base import FieldFilter, kept, link

WINDOWS = {
    "hour": ("Last hour", timedelta(hours=1)),
    "day": ("Last day", timedelta(days=1)),
    "week": ("Last 7 days", timedelta(days=7)),
}


class TimeWindow(FieldFilter):
    """`created_at__within=hour|day|week`, or from `created_at__gte` (included) to `created_at__lt` (not included)."""

    suffixes = ("__within", "__gte", "__lt")
    template = "admin/nullstore/filter_window.html"

    @property
    def window(self) -> str:
        return self.given[f"{self.field_path}__within"]

    @property
    def ends(self) -> list[dict[str, str]]:
        """The two inputs of the form."""
        names = {"From": f"{self.field_path}__gte", "To": f"{self.field_path}__lt"}
        zone = timezone.get_current_timezone_name()
        return [{"label": f"{end} ({zone})", "name": name, "value": self.given[name]} for end, name in names.items()]

    def read(self) -> Q | None:
        begin, end = (_moment(each["value"]) for each in self.ends)
        if self.window and (begin or end):
            raise ValidationError("Give a window or its two ends, not both.")
        if self.window:
            if self.window not in WINDOWS:
                raise ValidationError(f"“{self.window[:100]}” is none of {', '.join(WINDOWS)}.")
            begin = timezone.now() - WINDOWS[self.window][1]
        if begin and end and begin >= end:
            raise ValidationError("It ends before it begins.")
        bounds = {"gte": begin, "lt": end}
        return Q(**{f"{self.field_path}__{lookup}": moment for lookup, moment in bounds.items() if moment})

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        names = self.expected_parameters()
        anything = {**link(changelist, "Any time", not any(self.given.values()), names)}
        yield {**anything, "kept": kept(changelist, names)}
        for name, (label, _) in WINDOWS.items():
            yield link(changelist, label, name == self.window, names, **{self.parameter: name})


def _moment(text: str) -> datetime | None:
    """Return what a datetime-local input sends, or a date. Raises ValidationError."""
    if not text.strip():
        return None
    try:
        moment = parse_datetime(text.strip())
        day = None if moment else parse_date(text.strip())
    except ValueError:
        moment = day = None
    if day:
        moment = datetime.combine(day, time())
    if moment is None:
        raise ValidationError(f"“{text[:100]}” is no time. Write it as 2026-01-31T12:00.")
    return moment if timezone.is_aware(moment) else timezone.make_aware(moment)
