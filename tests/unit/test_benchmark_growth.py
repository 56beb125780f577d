"""The exponent of growth, and what is let through: on series of which one knows how they grow."""

import math
from collections.abc import Callable, Sequence
from itertools import product

import pytest

from benchmarks.measure import Point
from benchmarks.report.growth import Fit, fits

FULL = (10_000, 100_000, 1_000_000, 5_000_000)
SMALL = (2_000, 20_000, 40_000)
SIZES = pytest.mark.parametrize("sizes", [SMALL, FULL], ids=["small", "full"])


def fit(sizes: Sequence[int], value: Callable[[int], float], *, waited_for: bool) -> Fit:
    [found] = fits([Point("series", rows, value(rows), "ms", waited_for) for rows in sizes])
    return found


def log_n(n: int) -> float:
    return 3 * math.log(n)


def n_log_n(n: int) -> float:
    return n * math.log(n)


def saturating(n: int) -> float:
    """A count that stops at its bound."""
    return 20 if n < 50_000 else 60


def growing_late(n: int) -> float:
    return 20 * max(1, n / 1_000_000) ** 0.5


@SIZES
@pytest.mark.parametrize(
    ("value", "exponent"),
    [(lambda _: 7.0, 0), (math.sqrt, 0.5), (float, 1), (lambda n: n**1.2, 1.2), (lambda n: 1 / n, -1)],
    ids=["constant", "sqrt n", "n", "n^1.2", "1/n"],
)
def test_the_exponent_is_that_of_the_series(
    sizes: Sequence[int], value: Callable[[int], float], exponent: float
) -> None:
    assert fit(sizes, value, waited_for=True).exponent == pytest.approx(exponent)


@SIZES
@pytest.mark.parametrize(
    ("value", "is_within"),
    [(lambda _: 7.0, True), (log_n, True), (lambda n: 50 + log_n(n), True), (math.sqrt, False), (float, False)],
    ids=["constant", "log n", "constant + log n", "sqrt n", "n"],
)
def test_what_a_person_waits_for_may_grow_as_log_n_does(
    sizes: Sequence[int], value: Callable[[int], float], is_within: bool
) -> None:
    found = fit(sizes, value, waited_for=True)
    assert (found.is_within, found.exponent <= found.allowed) == (is_within, is_within)


@SIZES
@pytest.mark.parametrize(
    ("value", "is_within"),
    [(math.sqrt, True), (float, True), (n_log_n, True), (lambda n: n**1.2, False), (lambda n: n**2.0, False)],
    ids=["sqrt n", "n", "n log n", "n^1.2", "n^2"],
)
def test_everything_else_may_grow_as_n_does(
    sizes: Sequence[int], value: Callable[[int], float], is_within: bool
) -> None:
    assert fit(sizes, value, waited_for=False).is_within is is_within


@SIZES
@pytest.mark.parametrize(
    ("value", "waited_for", "is_within"),
    [(log_n, True, True), (math.sqrt, True, False), (float, False, True)],
    ids=["log n", "sqrt n", "n"],
)
def test_noise_of_a_tenth_changes_no_verdict(
    sizes: Sequence[int], value: Callable[[int], float], waited_for: bool, is_within: bool
) -> None:
    for factors in product((0.9, 1, 1.1), repeat=len(sizes)):
        noisy = {rows: value(rows) * factor for rows, factor in zip(sizes, factors, strict=True)}
        assert fit(sizes, noisy.__getitem__, waited_for=waited_for).is_within is is_within, factors


def test_a_count_that_reaches_its_bound_after_the_smallest_size_is_let_through() -> None:
    assert fit(FULL, saturating, waited_for=True).is_within


def test_what_begins_to_grow_at_the_largest_size_is_not_let_through() -> None:
    assert not fit(FULL, growing_late, waited_for=True).is_within


def test_the_smallest_size_counts_where_the_others_do_not_span_a_factor_of_ten() -> None:
    sizes = (10_000, 50_000, 100_000)
    assert fit(sizes, {10_000: 1, 50_000: 1, 100_000: 2}.__getitem__, waited_for=True).exponent == pytest.approx(
        0.25, abs=0.03
    )


@pytest.mark.parametrize("sizes", [(10_000,), (10_000, 99_999)])
def test_sizes_that_hardly_differ_tell_nothing(sizes: Sequence[int]) -> None:
    assert fits([Point("series", rows, 1, "s") for rows in sizes]) == []


def test_each_series_keeps_its_unit_and_its_values_by_rows() -> None:
    points = [
        Point(name, rows, rows / 1000, unit) for rows in (20_000, 2_000) for name, unit in (("b", "s"), ("a", "ms"))
    ]
    found = fits(points)
    assert [(each.series, each.unit, each.values) for each in found] == [
        ("b", "s", {2_000: 2, 20_000: 20}),
        ("a", "ms", {2_000: 2, 20_000: 20}),
    ]
    assert list(found[0].values) == [2_000, 20_000]


def test_a_value_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"series: .+ are not all above 0"):
        fits([Point("series", rows, 0, "s") for rows in SMALL])


def test_two_sizes_give_an_exponent_and_no_verdict() -> None:
    [fit] = fits([Point("a", rows, rows**2, "s", waited_for=True) for rows in (2_000, 20_000)])
    assert fit.exponent == pytest.approx(2)
    assert fit.is_within


@pytest.mark.parametrize(("floor", "within"), [(0, False), (100, False), (101, True)])
def test_what_is_below_its_floor_at_the_largest_size_may_have_grown(floor: float, within: bool) -> None:
    values = {100_000: 1, 1_000_000: 10, 5_000_000: 100}
    [fit] = fits([Point("a", rows, value, "ms", waited_for=True, floor=floor) for rows, value in values.items()])
    assert fit.is_within == within
