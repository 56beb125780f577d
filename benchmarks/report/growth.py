"""How cost grows with the number of rows: the exponent that fits, and whether it is one that is promised.

The exponent is the slope of the straight line through (ln rows, ln value), by least squares. What a person waits for
may have the exponent that log n itself has over the same sizes, everything else 1. For noise is added what values that
are 20 % off, each in the worst direction, add to an exponent. From 10^5 to 5 * 10^6 rows that makes 0.08 + 0.11 where
a person waits, which log n passes and the square root of n (0.5) does not, and 1 + 0.11 elsewhere, which n log n (1.08)
passes and n^1.2 does not.

Two sizes say how much something grew between them, and not how it grows: then nothing is beyond its bound. Of more,
all sizes count but the smallest, which is left out where the others still span a factor of ten: what stops at a bound
(a count, a page) may grow until it gets there, and what grows only from some size on is not hidden behind small ones.
What has a floor and is below it at the largest size is within its bound: an admin page of 60 ms, by whatever way.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.measure import Point

#: By this factor at least the sizes have to differ, or they tell nothing.
SPAN: Final = 10
#: So many sizes there have to be for a verdict.
SIZES: Final = 3
#: By this share each value may be wrong.
NOISE: Final = 0.2


@dataclass(frozen=True)
class Fit:
    """How one series grows: as rows to the power of `exponent`, which may be `allowed`. `values` are by rows."""

    series: str
    unit: str
    exponent: float
    allowed: float
    waited_for: bool
    is_within: bool
    values: dict[int, float]


def fits(points: Iterable[Point]) -> list[Fit]:
    """Return how each series grows, in the order of the points; not of those whose sizes span less than SPAN.

    Of several points of a series at one size the last one counts. Raises ValueError for a value that is not above 0.
    """
    series: dict[str, dict[int, Point]] = {}
    for point in points:
        series.setdefault(point.series, {})[point.rows] = point
    return [_fit(name, found) for name, found in series.items() if max(found) >= SPAN * min(found)]


def _fit(name: str, points: Mapping[int, Point]) -> Fit:
    values = {rows: points[rows].value for rows in sorted(points)}
    if min(values.values()) <= 0:
        raise ValueError(f"{name}: {values} are not all above 0")
    judged = _judged(list(values))
    exponent = _slope(judged, values.__getitem__)
    last = points[judged[-1]]
    promised = _slope(judged, math.log) if last.waited_for else 1
    allowed = promised + _by_noise(judged)
    is_within = len(values) < SIZES or exponent <= allowed or last.value < last.floor
    return Fit(name, last.unit, exponent, allowed, last.waited_for, is_within, values)


def _judged(sizes: Sequence[int]) -> Sequence[int]:
    """Return the sizes that count."""
    return sizes[1:] if sizes[-1] >= SPAN * sizes[1] else sizes


def _slope(sizes: Sequence[int], value: Callable[[int], float]) -> float:
    distances = _distances(sizes)
    logarithms = [math.log(value(rows)) for rows in sizes]
    return sum(map(math.prod, zip(distances, logarithms, strict=True))) / sum(each**2 for each in distances)


def _by_noise(sizes: Sequence[int]) -> float:
    """Return what is added to the slope if values are wrong by NOISE: of small sizes too low, of others too high."""
    distances = _distances(sizes)
    return NOISE * sum(map(abs, distances)) / sum(each**2 for each in distances)


def _distances(sizes: Sequence[int]) -> list[float]:
    """Return how far the logarithm of each size is from their mean."""
    logarithms = [math.log(rows) for rows in sizes]
    mean = sum(logarithms) / len(logarithms)
    return [each - mean for each in logarithms]
