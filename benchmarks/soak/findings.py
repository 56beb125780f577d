"""What a soak has found so far, and the outcome that is made of it."""

import random
import textwrap
from collections import Counter
from dataclasses import dataclass, field

from benchmarks.measure import Figure, Outcome, Ratio

#: How many rows are named; all are counted.
NAMED = 10
ALL = "all faults"


def brief(error: Exception) -> str:
    """The error in one line."""
    return textwrap.shorten(f"{type(error).__name__}: {error}", 400, placeholder=" ...")


@dataclass
class Findings:
    """`recoveries` are the seconds of each fault, by its name; `commits` the acknowledged ones, by what they did.

    `lost`, `doubled` and `differing` name rows; they are None as long as nobody has counted.
    """

    minutes: float
    seed: int
    major: int = 0
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    commits: Counter[str] = field(default_factory=Counter)
    lost: list[str] | None = None
    doubled: list[str] | None = None
    differing: list[str] | None = None

    @classmethod
    def of(cls, minutes: float, seed: int | None) -> "Findings":
        return cls(minutes, random.SystemRandom().randrange(2**32) if seed is None else seed)

    @property
    def faults(self) -> int:
        return sum(map(len, self.recoveries.values()))

    def recovered(self, name: str, seconds: float) -> None:
        self.recoveries.setdefault(name, []).append(seconds)

    def outcome(self) -> Outcome:
        return Outcome(figures=list(self._figures()), ratios=list(self._ratios()), notes=list(self._notes()))

    def _figures(self):  # type: ignore[no-untyped-def]
        every = [seconds for each in self.recoveries.values() for seconds in each]
        for name, times in [*sorted(self.recoveries.items()), (ALL, every)]:
            if times:
                yield Figure.of(name, "s", times, longest=f"{max(times):.2f}")

    def _ratios(self):  # type: ignore[no-untyped-def]
        counted = {"rows lost": self.lost, "rows doubled": self.doubled, "rows that differ": self.differing}
        for name, rows in counted.items():
            if rows is not None:
                yield Ratio(name, len(rows), most=0, note="; ".join(rows[:NAMED]))
        yield Ratio("failures", len(self.failures), most=0, note="; ".join(self.failures))

    def _notes(self):  # type: ignore[no-untyped-def]
        yield f"{self.minutes:g} minutes, seed {self.seed}, PostgreSQL {self.major}, {self.faults} faults"
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in sorted(self.commits.items()))
        yield f"{self.commits.total():,} rows written: {kinds}"
        if self.lost is None:
            yield "rows lost and doubled were not counted"
