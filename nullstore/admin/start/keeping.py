"""Figures are kept for a while in this process: one request makes them anew, the others get those that there are."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, TypeVar

from django.utils import timezone

T = TypeVar("T")

#: Seconds for which figures are shown, and for which a request waits while another one makes the first.
FRESH, PATIENCE = 60.0, 2.0
#: Seconds for which what does not change any more is kept.
SETTLED: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Made(Generic[T]):
    """A value, and when it was made."""

    value: T
    at: datetime
    clock: float


class Shelf(Generic[T]):
    """Values by name."""

    def __init__(self) -> None:
        self._made: dict[str, Made[T]] = {}
        self._locks: dict[str, threading.Lock] = {}

    def get(self, name: str, make: Callable[[], T], fresh: float | None = None) -> Made[T] | None:
        """Return the value, made anew if older than `fresh` seconds (FRESH); None if somebody is too slow at it."""
        if (made := self._fresh(name, fresh)) is not None:
            return made
        lock = self._locks.setdefault(name, threading.Lock())
        old = self._made.get(name)
        if not lock.acquire(timeout=PATIENCE if old is None else 0):
            return old
        try:
            # Whoever had the lock before may have made it.
            return self._fresh(name, fresh) or self._make(name, make)
        finally:
            lock.release()

    def forget(self) -> None:
        """Begin anew."""
        self._made.clear()

    def _fresh(self, name: str, fresh: float | None) -> Made[T] | None:
        made = self._made.get(name)
        limit = FRESH if fresh is None else fresh
        return made if made is not None and time.monotonic() - made.clock < limit else None

    def _make(self, name: str, make: Callable[[], T]) -> Made[T]:
        made = self._made[name] = Made(make(), timezone.now(), time.monotonic())
        return made
