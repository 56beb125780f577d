"""What benchmarks share: repeated timing, and how results are printed."""

import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Result:
    """Times of one case, in nanoseconds per call."""

    name: str
    runs: int
    median: float
    p95: float
    p99: float


def measure(name: str, act: Callable[[], object], *, runs: int = 200, calls: int = 5000) -> Result:
    """Time `calls` calls in a row, `runs` times after a warm-up; the loop itself is taken off."""
    empty = _time(lambda: None, calls)
    _time(act, calls)
    times = sorted(max(_time(act, calls) - empty, 0) / calls for _ in range(runs))
    return Result(name, runs, statistics.median(times), times[int(runs * 0.95)], times[int(runs * 0.99)])


def percentile(times: Sequence[float], share: float) -> float:
    """Return the smallest of the times that at least `share` (0 to 1) of them do not exceed."""
    return sorted(times)[max(math.ceil(len(times) * share) - 1, 0)]


def report(results: list[Result]) -> None:
    """Print a table, or JSON with --json."""
    if "--json" in sys.argv:
        print(json.dumps([asdict(result) for result in results]))
        return
    print(f"{'ns per call':<52}{'median':>9}{'p95':>9}{'p99':>9}{'runs':>7}")
    for result in results:
        print(f"{result.name:<52}{result.median:>9.0f}{result.p95:>9.0f}{result.p99:>9.0f}{result.runs:>7}")


def _time(act: Callable[[], object], calls: int) -> int:
    started = time.perf_counter_ns()
    for _ in range(calls):
        act()
    return time.perf_counter_ns() - started
