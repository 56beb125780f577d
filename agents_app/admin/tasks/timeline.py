"""What happened to a task, in one order: changes of its status, messages, artifacts.

Transitions are dated; messages and artifacts only if their writer dates them. One without a date stands next to its
neighbours in the list it comes from; where none of them has a date, next to the change of status that it belongs to.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from agents_app.admin.tasks.entries import Entry, of_artifact, of_message, of_transition
from agents_app.admin.tasks.reading import Slice, read_slice
from agents_app.models import Task, TaskTransition
from nullstore.admin.show import between
from nullstore.fields import Unreadable

#: How many entries a page shows: of the beginning, and of the end.
FIRST, LAST = 20, 80
#: How many can be turned to, in parts, and how many a part has.
ALL_FIRST, ALL_LAST = 200, 800
IN_PART: Final = 50
#: How many transitions are counted.
COUNTED: Final = 10_000

#: The order of what happened at the same moment: what ends a task comes after what it made.
_BEFORE, _AT, _AFTER = 0, 1, 2
Placed = tuple[datetime, int, Entry]


@dataclass(frozen=True, slots=True)
class Row:
    """An entry with the time since the one before it, if both have a date; or a gap of `hidden` entries."""

    entry: Entry | None
    since: str = ""
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class Timeline:
    """The rows to be shown, how many entries there are in all, and what could not be read.

    `part` is the number of the part that is shown, of `parts`; 0 where it is beginning and end.
    """

    rows: list[Row]
    total: int
    part: int
    parts: int
    unreadable: dict[str, Unreadable]


def timeline_of(task: Task, part: int = 0) -> Timeline:
    """Read the timeline of `task`: its beginning and end, or a part of all of it; the last one if there is no such."""
    first, last = (ALL_FIRST, ALL_LAST) if part else (FIRST, LAST)
    # Each of the three is in order: the ends of the whole are made of their ends. Of the last parts' entries a part of
    # the beginning needs one transition, which says when the artifacts were made.
    ends = (part * IN_PART, 1) if 0 < part * IN_PART <= first else (first, last)
    transitions, changes = _transitions(task, *ends)
    messages = read_slice(task.pk, "history", *ends)
    artifacts = read_slice(task.pk, "artifacts", *ends)
    entries = [entry for _, _, entry in sorted(_placed(task, transitions, messages, artifacts), key=lambda it: it[:2])]
    total = changes + messages.total + artifacts.total
    columns = {"history": messages.unreadable, "artifacts": artifacts.unreadable}
    unreadable = {column: why for column, why in columns.items() if why}
    hidden = max(0, total - first - last)
    rows = list(_rows(entries, first, last, hidden))
    parts = -(-(first + last + 1 if hidden else total) // IN_PART)
    part = min(part, parts)
    shown = rows[(part - 1) * IN_PART : part * IN_PART] if part else rows
    return Timeline(shown, total, part, parts, unreadable)


def _transitions(task: Task, first: int, last: int) -> tuple[list[TaskTransition], int]:
    rows = TaskTransition.objects.filter(task=task)
    found = {row.pk: row for row in rows.order_by("id")[:first].union(rows.order_by("-id")[:last])}
    total = rows.order_by()[:COUNTED].count() if len(found) == first + last else len(found)
    return [found[key] for key in sorted(found)], total


def _placed(task: Task, transitions: list[TaskTransition], messages: Slice, artifacts: Slice) -> Iterator[Placed]:
    for row in transitions:
        yield row.changed_at, _AT, of_transition(row)
    begun = transitions[0].changed_at if transitions else task.created_at
    started = next((row.changed_at for row in transitions if row.to_status == Task.Status.WORKING), begun)
    made = transitions[-1].changed_at if transitions else task.created_at
    yield from _messages([of_message(*item) for item in messages.items], begun, started)
    yield from _neighbours([of_artifact(*item) for item in artifacts.items], (made, _BEFORE))


def _messages(entries: list[Entry], begun: datetime, started: datetime) -> Iterator[Placed]:
    """The task began with what the user said first; what follows, the agent said when at work."""
    answered = next((place for place, entry in enumerate(entries) if entry.who != "user"), len(entries))
    if any(entry.at for entry in entries):
        yield from _neighbours(entries, (begun, _AFTER))
    else:
        yield from ((begun, _AFTER, entry) for entry in entries[:answered])
        yield from ((started, _AFTER, entry) for entry in entries[answered:])


def _neighbours(entries: Iterable[Entry], place: tuple[datetime, int]) -> Iterator[Placed]:
    """Give each entry without a date the place of the one before it; the first ones get `place`."""
    for entry in entries:
        place = (entry.at, _AT) if entry.at else place
        yield *place, entry


def _rows(entries: list[Entry], first: int, last: int, hidden: int) -> Iterator[Row]:
    shown = [*entries[:first], *entries[-last:]] if hidden else entries
    before: datetime | None = None
    for place, entry in enumerate(shown):
        if hidden and place == first:
            before = None
            yield Row(None, hidden=hidden)
        yield Row(entry, between(before, entry.at) if before and entry.at else "")
        before = entry.at or before


def part_asked_for(given: Any) -> int:
    """Return which part of the whole timeline `given` names; 0 for none, or what is no number."""
    return int(given) if isinstance(given, str) and re.fullmatch("[1-9][0-9]{0,3}", given) else 0
