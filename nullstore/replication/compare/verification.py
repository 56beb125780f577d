"""Is every row of the replica equal to its source row, in all columns?"""

import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from typing import Final

from nullstore.databases import USER_SYNC
from nullstore.exceptions import ComparisonError, ReplicationError, ReplicationTimeout
from nullstore.replication.compare.audit import Audit
from nullstore.replication.compare.blocks import Blocks
from nullstore.replication.compare.ends import Ends
from nullstore.replication.compare.results import Method, Tally, Verification
from nullstore.replication.compare.runs import finish, recorded
from nullstore.replication.compare.settle import Fence, settle
from nullstore.replication.compare.shape import TablePair
from nullstore.replication.compare.tables import table_pairs
from nullstore.replication.fence import wait_until_replicated

#: Is told now and then what is being done, in a few words.
Progress = Callable[[str], None]

SETTLED_AT_ONCE: Final = 1000


def quiet(doing: str) -> None:
    """The progress of runs that nobody watches."""


def verify(
    *,
    audit: bool = False,
    wait: bool = True,
    tables: Collection[str] | None = None,
    timeout: float = 10.0,
    requested_by: str | None = None,
    progress: Progress = quiet,
) -> Verification:
    """Compare the content of the replica with its source, while both are written; record it in verification_runs.

    `audit` compares to the byte in place of hashes. Without `wait` the replica is compared as it stands: rows that
    have not arrived yet count as differing. `tables` are those of the source to compare, None all. `timeout` is how
    long the replica may take to follow, in seconds; `requested_by` is by default the user of the operating system.
    Raises ComparisonError if it could not compare.
    """
    started = time.monotonic()
    method: Method = "audit" if audit else "hash"
    with recorded(requested_by, {"method": method, "waited": wait}) as run:
        fence = fenced(timeout) if wait else _no_fence
        progress("waiting for the replica")
        fence()
        tally, not_compared = Tally(), []
        with ExitStack() as opened:
            reading = opened.enter_context(Ends())
            settling = cache(lambda: opened.enter_context(Ends()))  # for those only that find something to settle
            comparison = _Comparison(reading, settling, fence, tally, method, wait, progress)
            for pair in table_pairs(reading, tables):
                comparison.of(pair)
                not_compared += [f"{pair.name}.{name}" for name in pair.not_compared]
        verification = tally.verification(
            method=method, waited=wait, seconds=time.monotonic() - started, run=run.pk, not_compared=not_compared
        )
        finish(run, verification)
    return verification


@dataclass(frozen=True, slots=True)
class _Comparison:
    """One run. Rows are settled on connections of their own while both tables are still being read."""

    reading: Ends
    settling: Callable[[], Ends]
    fence: Fence
    tally: Tally
    method: Method
    waits: bool
    progress: Progress

    def of(self, pair: TablePair) -> None:
        """Find what differs in one table, and put it into the tally."""
        finder = (Audit if self.method == "audit" else Blocks)(pair, self.reading, lambda: self._tell(pair, finder))
        with closing(finder.suspects()) as suspects:
            while batch := list(islice(suspects, SETTLED_AT_ONCE)):
                settled = settle(pair, self.settling(), batch, self.fence, lock=self.waits)
                self.tally.add(settled.differences(pair.name))
                self.progress(f"{pair.name}: {self.tally.counts.total():,} rows differ so far")
        self.tally.source_rows += finder.source_rows

    def _tell(self, pair: TablePair, finder: Audit | Blocks) -> None:
        read = f"{finder.source_rows:,} rows read" if finder.source_rows else "hashing"
        self.progress(f"{pair.name}: {read}")


def fenced(timeout: float) -> Fence:
    """Return a fence that raises ComparisonError, with what to do, if the replica does not follow."""
    return partial(_wait, timeout)


def _wait(timeout: float) -> None:
    try:
        wait_until_replicated(timeout)
    except (ReplicationError, ReplicationTimeout) as error:
        raise ComparisonError(
            f"The replica does not follow {USER_SYNC.publisher}, and rows may differ only because they have not "
            f"arrived. {error} What is wrong: manage.py replication status. What mends it: manage.py replication "
            "resync. To compare it as it stands: manage.py replication verify --as-is"
        ) from error


def _no_fence() -> None:
    """The fence of a comparison as it stands."""


def batches(keys: list[str], size: int) -> Iterator[list[str]]:
    """Yield the keys in lists of at most `size`."""
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
