"""What a probe sees: whether the databases answer, and the latest look at replication if it is not too old."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from nullstore.admin.watching import Look, watch
from nullstore.databases import ALIASES
from nullstore.probes.reach import Reached, reach
from nullstore.replication.health.ends import in_thread

#: Seconds that a probe waits for a look; for which a look is good for others; after which it says nothing any more.
PATIENCE: Final = 4.0
FRESH: Final = 5.0
STALE: Final = 60.0
#: Seconds between two searches for tasks without their user, which read an index of all tasks.
TASKS_EVERY: Final = 300.0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`look` is None where replication could not be looked at in time; the next probe has it, or the reason. Also where
    it was not asked for.
    """

    reached: Mapping[str, Reached]
    look: Look | None
    seconds: float


def snapshot(aliases: Sequence[str] = ALIASES, *, replication: bool = True) -> Snapshot:
    """Look at these databases and at replication, at once, within PATIENCE. However many ask: once for all of them."""
    began = time.monotonic()
    reached = in_thread(lambda: reach(aliases))
    look = _look() if replication else None
    return Snapshot(reached.result(), look, time.monotonic() - began)


def _look() -> Look | None:
    try:
        look = watch.look(PATIENCE, fresh=FRESH, tasks_every=TASKS_EVERY)
    except Exception:  # the watch has logged it; a probe says that it does not know
        return None
    return look if look is not None and look.age < STALE else None
