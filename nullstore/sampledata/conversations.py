"""When made-up tasks happened: conversations of one to five tasks, which end at any time up to now."""

from datetime import datetime
from random import Random
from typing import Final, NamedTuple

from nullstore.sampledata.values import DAY, moment, weighted

TERMINAL: Final = ("completed", "failed", "canceled", "rejected")
#: How long tasks are open, in seconds: at most.
OPEN_FOR: Final = 1.5 * DAY
_UNSTARTED: Final = ("submitted", "rejected")

_SIZES: Final = weighted({1: 55, 2: 20, 3: 12, 4: 8, 5: 5})
_EARLIER: Final = weighted({"completed": 82, "failed": 10, "canceled": 5, "rejected": 3})
_LAST: Final = weighted(
    {
        "completed": 52,
        "failed": 8,
        "canceled": 5,
        "rejected": 3,
        "working": 10,
        "submitted": 9,
        "input-required": 6,
        "auth-required": 4,
        "unknown": 3,
    }
)


class Times(NamedTuple):
    """When a task was or would be created, started and finished; in seconds since the epoch."""

    created: float
    started: float
    finished: float


class Dates(NamedTuple):
    """When a task was created, started, and came to its status; `spent` is in milliseconds, for finished work."""

    created: datetime
    started: datetime | None
    reached: datetime
    completed: datetime | None
    spent: int | None


def statuses(rng: Random, most: int) -> list[str]:
    """Return the statuses of a conversation's tasks, at most `most`: only the last one may still be open."""
    size = min(rng.choice(_SIZES), most)
    return [*(rng.choice(_EARLIER) for _ in range(size - 1)), rng.choice(_LAST)]


def times(rng: Random, durations: list[float], *, born: float, end: float, now: float) -> list[Times]:
    """Lay tasks of these usual durations (seconds), one after the other, so that the last one ends about `end`.

    None lies before `born` or after `now`: if there is too little time between for all, everything happens faster.
    """
    offsets: list[Times] = []
    clock = 0.0
    for usual in durations:
        start = clock + 0.3 + rng.random() * 15
        finish = start + min(usual * rng.lognormvariate(0, 0.8), 7200)
        offsets.append(Times(clock, start, finish))
        clock = finish + 10 + rng.random() * 600
    total = offsets[-1].finished
    begin = max(born, end - total)
    pace = max(0.0, min(total, now - begin)) / total
    return [Times(*(begin + offset * pace for offset in task)) for task in offsets]


def dates(status: str, task: Times) -> Dates:
    """Return the dates of a task that came to `status`."""
    created = moment(task.created)
    started = None if status in _UNSTARTED else moment(task.started)
    if status == "submitted":
        reached = created
    else:
        reached = moment(task.started if status in ("working", "rejected") else task.finished)
    if status not in TERMINAL:
        return Dates(created, started, reached, None, None)
    spent = round((reached - started).total_seconds() * 1000) if started else None
    return Dates(created, started, reached, reached, spent)
