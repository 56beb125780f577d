"""What the pages of the admin take at a number of rows: of each kind of each area the slowest of some.

All pages, at any size and beside those of a stock ModelAdmin: python -m benchmarks.admin.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from benchmarks.measure import Figure, Outcome, Point, percentile

if TYPE_CHECKING:
    from benchmarks.admin.visits import Page, Visitor

#: The site itself, and the tables that grow and have pages of their own.
AREAS: Final = (
    "site",
    "erebus_app.UserReference",
    "erebus_app.Wallet",
    "agents_app.UserReference",
    "agents_app.Task",
    "agents_app.TaskTransition",
    "agents_app.Engram",
)
#: Milliseconds: what is promised of every page at the 95th percentile. Which page of a kind is the slowest differs from
#: size to size, and so do its 20 or 60 ms.
QUICK: Final = 100
#: So many pages of a kind are tried, spread evenly over all that there are: its first, its last, and between.
TRIED: Final = 3


def run(rows: int, *, runs: int) -> Outcome:
    """Visit pages; a figure per area, in milliseconds, and a point per area and kind. Raises Failed if one fails."""
    from benchmarks.admin.walk import visiting

    with _kept_open(), visiting() as visitor:
        tried = _tried(visitor)
        slowest = [max(pages, key=pages.__getitem__) for pages in tried.values()]
        times: dict[Page, list[float]] = {page: [] for page in slowest}
        for number in range(runs):
            for page in slowest[:: -1 if number % 2 else 1]:
                with _named(page):
                    times[page].append(visitor.time(page))
    return Outcome(rows, figures=list(_figures(tried, times)), points=list(_points(rows, times)))


@contextmanager
def _kept_open() -> Iterator[None]:
    """Have connections stay open between visits, as a server in production has them (DATABASE_POOL_SIZE)."""
    from django.db import connections

    from nullstore.databases import ALIASES

    for alias in ALIASES:
        connections[alias].close()
        connections[alias].settings_dict["OPTIONS"]["pool"] = {"min_size": 1, "max_size": 2, "timeout": 5}
    try:
        yield
    finally:
        for alias in ALIASES:
            connections[alias].close()
            connections[alias].close_pool()
            del connections[alias].settings_dict["OPTIONS"]["pool"]


def _tried(visitor: "Visitor") -> "dict[tuple[str, str], dict[Page, float]]":
    """Return, by area and kind, what a second visit of each page took that was tried (milliseconds)."""
    from benchmarks.admin import values
    from benchmarks.admin.walk import areas, distinct

    # What to filter by was read when there were fewer rows.
    values.statistics.cache_clear()
    kinds: dict[tuple[str, str], list[Page]] = defaultdict(list)
    for area, pages in areas(visitor):
        if area in AREAS:
            for page in distinct(pages):
                kinds[area, _kind(page)].append(page)
    return {kind: {page: _second(visitor, page) for page in _spread(pages)} for kind, pages in kinds.items()}


def _kind(page: "Page") -> str:
    """Return its kind; of the pages of the site each is one of its own."""
    return page.name if page.area == "site" else page.kind


def _spread(pages: "Sequence[Page]") -> "Iterator[Page]":
    """Yield TRIED of them, or all."""
    count = min(len(pages), TRIED)
    yield from (pages[number * (len(pages) - 1) // max(count - 1, 1)] for number in range(count))


def _second(visitor: "Visitor", page: "Page") -> float:
    # Looks, too, whether the page says that something on it was cut off.
    with _named(page):
        visitor.queries(page)
        return visitor.time(page)


@contextmanager
def _named(page: "Page") -> Iterator[None]:
    """Say which page it was that failed."""
    from benchmarks.admin.visits import Failed

    try:
        yield
    except Failed as failed:
        raise Failed(f"{page.title} at {page.address}: {failed}") from failed


def _figures(tried: "dict[tuple[str, str], dict[Page, float]]", times: "dict[Page, list[float]]") -> Iterator[Figure]:
    for area in AREAS:
        of_area = {page: took for page, took in times.items() if page.area == area}
        worst = max(of_area, key=lambda page: percentile(of_area[page], 0.5))
        pages = sum(len(each) for (where, _), each in tried.items() if where == area)
        yield Figure.of(
            f"admin pages of {area}",
            "ms",
            [each for took in of_area.values() for each in took],
            pages=f"{len(of_area)} of {pages} tried",
            slowest=f"{_kind(worst)}, {percentile(of_area[worst], 0.5):.0f} ms",
        )


def _points(rows: int, times: "dict[Page, list[float]]") -> Iterator[Point]:
    for page, took in times.items():
        series = f"page: {page.area}, {_kind(page)}"
        yield Point(series, rows, percentile(took, 0.5), "ms", waited_for=True, floor=QUICK)
