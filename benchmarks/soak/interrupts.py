"""Ctrl-C while commands of manage.py run in this process."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType


@dataclass
class Interrupts:
    """Whether SIGINT or SIGTERM has come. A command that it meets tells it as an error of its own: it is remembered."""

    come: bool = False

    def check(self) -> None:
        if self.come:
            raise KeyboardInterrupt

    def _came(self, number: int, frame: FrameType | None) -> None:
        if not self.come:  # a second one must not end the stopping of servers
            self.come = True
            raise KeyboardInterrupt


@contextmanager
def interrupts() -> Iterator[Interrupts]:
    """Have both signals raise KeyboardInterrupt, also where a shell in the background has SIGINT ignored.

    Whatever the block ends with after one, it ends with KeyboardInterrupt. For the main thread.
    """
    made = Interrupts()
    before = {number: signal.signal(number, made._came) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield made
    except Exception:
        made.check()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    made.check()
