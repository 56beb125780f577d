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
        self._lock = threading.Lock()
        self._answered = False
        self._thread = threading.Thread(target=self._work, name="verification", daemon=True)

    def start(self) -> bool:
        """Return whether it has begun; False: that is not known in time, and the log says so if it does not begin.

        Raises ComparisonError if it could not begin: VerificationUnderWay names the other.
        """
        _here.append(self)
        self._thread.start()
        begun = self._begun.wait(BEGINS_WITHIN)
        with self._lock:
            self._answered = True
        if self.error is not None:
            raise self.error
        return begun

    def _work(self) -> None:
        try:
            verify(requested_by=self.requested_by, progress=self._tell)
        except NullstoreError as error:
            self._fail(error)
        except Exception as error:
            logger.exception("The verification that %s asked for ended with an error", self.requested_by)
            self._fail(ComparisonError(f"The comparison ended with an error ({type(error).__name__})."))
        finally:
            # Before the request hears of it; Django closes those of requests only.
            connections.close_all()
            _here.remove(self)
            self._begun.set()

    def _fail(self, error: NullstoreError) -> None:
        """Tell the request that waits for it; if none does any more, the log."""
        with self._lock:
            self.error = error
            if self._answered:
                logger.warning("The verification asked for by %s: %s", self.requested_by, error)

    def _tell(self, doing: str) -> None:
        # Told only once the run is recorded.
        self.doing = doing
        self._begun.set()


#: Those that this process is at work on; more than one only until the others have heard that they may not begin.
_here: list[Background] = []


def start(requested_by: str) -> bool:
    """Compare all rows in the background, as verify() does; return whether that has begun, False if nobody knows yet.

    Raises NullstoreError if it could not begin.
    """
    return Background(requested_by).start()


def doing() -> str:
    """Say what the comparison that this process is at work on does; "" if it is at work on none."""
    return next((work.doing for work in _here if work.doing), "")
