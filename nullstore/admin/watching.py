"""One look at replication for all who watch: however many pages are open, the servers are asked about once a second."""

import logging
import threading
import time
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf
from typing import Final

from django.utils import timezone

from nullstore.replication.health import Health, health
from nullstore.replication.health.ends import in_thread
from nullstore.replication.health.facts import Unreachable
from nullstore.replication.health.roots import roots, worst
from nullstore.replication.health.tasks import UNSEEN as TASKS_UNSEEN

logger = logging.getLogger(__name__)

#: Seconds for which a look is good for others, too.
FRESH = 1.0
#: Seconds for which one is good for what every page shows of it.
GLANCED: Final = 10.0
#: Seconds between two looks that also search for tasks without their user, which reads an index from end to end.
TASKS_EVERY: Final = 30.0
#: The same where nobody watches: it is too much for what every page shows.
TASKS_GLANCED: Final = 300.0
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
        self._began = -inf
        self._with_tasks: Look | None = None

    def look(self, patience: float, *, fresh: float | None = None, tasks_every: float | None = None) -> Look | None:
        """Return a look of the last second; if that takes longer than `patience` seconds the one before, or None.

        `fresh` and `tasks_every` (seconds) are for those who are content with less than FRESH and TASKS_EVERY.
        """
        with self._lock:
            if self._latest and self._latest.age < (FRESH if fresh is None else fresh):
                return self._latest
            flight = self._start(TASKS_EVERY if tasks_every is None else tasks_every)
        try:
            return flight.result(patience)
        except TimeoutError:
            return self._latest

    def glance(self) -> Look | None:
        """Return the latest look without waiting, None if there is none yet; if it is old, the next one begins.

        What it says of tasks without their user may be older, from the last look that has searched for those.
        """
        with self._lock:
            if time.monotonic() - self._began >= GLANCED and (self._latest is None or self._latest.age >= GLANCED):
                self._start(TASKS_GLANCED)
            return self._latest

    def forget(self) -> None:
        """Begin anew; a look that has begun is waited for. For tests, whose databases change between two pages."""
        if self._flight is not None:
            wait([self._flight])
        with self._lock:
            self._latest = self._flight = self._with_tasks = None
            self._began = -inf

    def _start(self, tasks_every: float) -> "Future[Look]":
        if self._flight is None or self._flight.done():
            self._began = time.monotonic()
            self._flight = in_thread(lambda: self._look(tasks_every))
        return self._flight

    def _look(self, tasks_every: float) -> Look:
        before = self._with_tasks
        count = before is None or before.age >= tasks_every
        try:
            found = health(count_tasks=count)
        except Exception:
            # What there is gets older, and says so.
            logger.exception("Replication could not be looked at")
            raise
        if not count and before is not None:
            found = _with_tasks_of(before.health, found)
        look = Look(found, timezone.now(), time.monotonic())
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
    return replace(
        found,
        problems=problems,
        verdict=worst(problems),
        unseen=(*found.unseen, *unseen),
        orphaned_tasks=before.orphaned_tasks,
    )


watch: Final = Watch()
