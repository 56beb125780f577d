"""One look at replication for all who watch: however many pages are open, the servers are asked about once a second."""

import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from django.utils import timezone

from nullstore.admin.frame import remember
from nullstore.replication.health import Health, health
from nullstore.replication.health.ends import in_thread
from nullstore.replication.health.facts import Unreachable
from nullstore.replication.health.roots import roots, worst
from nullstore.replication.health.tasks import UNSEEN as TASKS_UNSEEN

#: Seconds for which a look is good for others, too.
FRESH = 1.0
#: Seconds between two looks that also search for tasks without their user, which reads an index from end to end.
TASKS_EVERY: Final = 30.0
_TASKS: Final = "orphaned_tasks"


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What was seen, and when that was known: `clock` is that moment of time.monotonic(). Equal to itself only."""

    health: Health
    at: datetime
    clock: float

    @property
    def age(self) -> float:
        """How many seconds ago that was."""
        return time.monotonic() - self.clock


class Watch:
    """Looks when somebody asks, once for all who ask at the same time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: Look | None = None
        self._flight: Future[Look] | None = None
        self._with_tasks: Look | None = None

    def look(self, patience: float) -> Look | None:
        """Return a look of the last second; if that takes longer than `patience` seconds the one before, or None."""
        with self._lock:
            if self._latest and self._latest.age < FRESH:
                return self._latest
            if self._flight is None or self._flight.done():
                self._flight = in_thread(self._look)
            flight = self._flight
        try:
            return flight.result(patience)
        except TimeoutError:
            return self._latest

    def _look(self) -> Look:
        before = self._with_tasks
        count = before is None or before.age >= TASKS_EVERY
        found = health(count_tasks=count)
        if not count and before is not None:
            found = _with_tasks_of(before.health, found)
        look = Look(found, timezone.now(), time.monotonic())
        remember(found)
        with self._lock:
            self._latest = look
            self._with_tasks = look if count else before
        return look


def _with_tasks_of(before: Health, found: Health) -> Health:
    """Return `found` with what an earlier look said of tasks without their user."""
    if isinstance(found.subscriber, Unreachable):
        return found
    carried = [problem for problem in before.problems if problem.code == _TASKS]
    unseen = [each for each in before.unseen if each.what == TASKS_UNSEEN]
    problems = roots([*found.problems, *carried])
    return replace(found, problems=problems, verdict=worst(problems), unseen=(*found.unseen, *unseen))


watch: Final = Watch()
