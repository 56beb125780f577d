"""A comparison of all rows in the background: it goes on when the request that started it has been answered."""

import logging
import threading
from typing import Final

from django.db import connections

from nullstore.exceptions import ComparisonError, NullstoreError
from nullstore.replication.compare.verification import verify

logger = logging.getLogger(__name__)

#: Seconds that a request waits to hear whether its comparison has begun.
BEGINS_WITHIN: Final = 5.0


class Background:
    """One comparison on a thread of its own. It ends with the process: its run is then told to be interrupted."""

    def __init__(self, requested_by: str) -> None:
        self.requested_by = requested_by
        self.doing = ""
        self.error: NullstoreError | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._work, name="verification", daemon=True)

    def start(self) -> None:
        """Return when it has begun. Raises ComparisonError if it could not: VerificationUnderWay names the other."""
        self._thread.start()
        self._begun.wait(BEGINS_WITHIN)
        if self.error is not None:
            raise self.error

    @property
    def at_work(self) -> bool:
        return self._thread.is_alive()

    def _work(self) -> None:
        try:
            verify(requested_by=self.requested_by, progress=self._tell)
        except NullstoreError as error:
            self.error = error
        except Exception as error:
            logger.exception("The verification that %s asked for ended with an error", self.requested_by)
            self.error = ComparisonError(f"The comparison ended with an error ({type(error).__name__}).")
        finally:
            # Before the request hears of it; Django closes those of requests only.
            connections.close_all()
            self._begun.set()

    def _tell(self, doing: str) -> None:
        # Told only once the run is recorded.
        self.doing = doing
        self._begun.set()


_here: list[Background] = []


def start(requested_by: str) -> None:
    """Compare all rows in the background, as verify() does. Raises NullstoreError if that could not begin."""
    work = Background(requested_by)
    work.start()
    _here[:] = [work]


def doing() -> str:
    """Say what the comparison that this process is at work on does; "" if it is at work on none."""
    return next((work.doing for work in _here if work.at_work), "")
