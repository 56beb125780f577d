"""What benchmarks share: what one has measured, and how times become figures."""

import math
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """Times of one case, in `unit`, over `runs`; `beside` are further facts about it, by name, as they are printed."""

    name: str
    unit: str
    runs: int
    median: float
    p95: float
    p99: float
    beside: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, unit: str, times: Sequence[float], **beside: str) -> "Figure":
        return cls(
            name, unit, len(times), statistics.median(times), percentile(times, 0.95), percentile(times, 0.99), beside
        )


@dataclass(frozen=True)
class Ratio:
    """How something compares with what it stands beside. `most` and `least` bound it; None: nothing is promised."""

    name: str
    value: float
    most: float | None = None
    least: float | None = None
    note: str = ""

    @property
    def is_within(self) -> bool:
        return (self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least)


@dataclass(frozen=True)
class Point:
    """What something took at one number of rows. `waited_for` tells whether a person waits for it; what stays below
    `floor` at the largest size is quick enough however it grew.
    """

    series: str
    rows: int
    value: float
    unit: str
    waited_for: bool = False
    floor: float = 0


@dataclass(frozen=True)
class Outcome:
    """What one benchmark has found, at `rows` users, or 0 if that is no matter."""

    rows: int = 0
    figures: list[Figure] = field(default_factory=list)
    ratios: list[Ratio] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def measure(name: str, act: Callable[[], object], *, runs: int = 200, calls: int = 5000) -> Figure:
    """Time `calls` calls in a row, `runs` times after a warm-up; the loop itself is taken off. Nanoseconds per call."""
    empty = _nanoseconds(lambda: None, calls)
    _nanoseconds(act, calls)
    return Figure.of(name, "ns", [max(_nanoseconds(act, calls) - empty, 0) / calls for _ in range(runs)])


def percentile(times: Sequence[float], share: float) -> float:
    """Return the smallest of the times that at least `share` (0 to 1) of them do not exceed."""
    return sorted(times)[max(math.ceil(len(times) * share) - 1, 0)]


def seconds(act: Callable[[], object]) -> float:
    """Return how long one call takes."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def interleaved(
    cases: dict[str, Callable[[], object]],
    rounds: int,
    *,
    warm: int = 1,
    around: Callable[[str], AbstractContextManager[object]] = nullcontext,
) -> dict[str, list[float]]:
    """Time the cases in turn, `rounds` times after `warm` rounds that do not count; seconds.

    Every other round goes backwards, so that none always comes after the same other. Each case runs inside `around` of
    its name, which is not timed.
    """
    times: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(warm + rounds):
        for name in list(cases)[:: 1 if number % 2 else -1]:
            with around(name):
                took = seconds(cases[name])
            if number >= warm:
                times[name].append(took)
    return times


def _nanoseconds(act: Callable[[], object], calls: int) -> int:
    started = time.perf_counter_ns()
    for _ in range(calls):
        act()
    return time.perf_counter_ns() - started
