"""Values that take too long for a page: made on a thread of their own, and shown with their age."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import connections

T = TypeVar("T")
logger = logging.getLogger(__name__)


class Kept(Generic[T]):
    """The latest value of `make`, which runs in the background when the value is `fresh` seconds old, once for all."""

    def __init__(self, make: Callable[[], T], fresh: float) -> None:
        self._make, self._fresh = make, fresh
        self._lock = threading.Lock()
        self._latest: tuple[T, float] | None = None
        self._tried: float | None = None
        self._at_work: threading.Thread | None = None

    def get(self) -> tuple[T | None, float]:
        """Return the value and its age in seconds, without waiting; None and 0 while there is none."""
        now = time.monotonic()
        with self._lock:
            if (self._tried is None or now - self._tried >= self._fresh) and self._at_work is None:
                self._tried = now
                self._at_work = threading.Thread(target=self._work, name="nullstore frame", daemon=True)
                self._at_work.start()
            value, made = self._latest or (None, now)
        return value, now - made

    def put(self, value: T) -> None:
        """Take a value that somebody else made just now."""
        with self._lock:
            self._tried = time.monotonic()
            self._latest = value, self._tried

    def forget(self) -> None:
        """Begin anew; whoever is at work is waited for."""
        if (thread := self._at_work) is not None:
            thread.join()
        with self._lock:
            self._latest = self._tried = None

    def _work(self) -> None:
        try:
            self.put(self._make())
        except Exception:
            # The value that there is gets older, and says so.
            logger.exception("What every page shows could not be looked at")
        finally:
            connections.close_all()  # Django closes those of requests only
            self._at_work = None
