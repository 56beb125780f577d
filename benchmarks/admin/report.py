"""How the results are printed."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import groupby

from benchmarks.admin.visits import Page
from benchmarks.measure import percentile


@dataclass(frozen=True)
class Times:
    """Of one page, in milliseconds; `failure` instead of them if it did not come."""

    runs: int = 0
    p50: float = 0
    p95: float = 0
    max: float = 0
    failure: str = ""

    @classmethod
    def of(cls, times: list[float]) -> "Times":
        return cls(len(times), percentile(times, 0.5), percentile(times, 0.95), max(times))

    def __str__(self) -> str:
        return f"{self.failure[:29]:>30}" if self.failure else f"{self.p50:>10.1f}{self.p95:>10.1f}{self.max:>10.1f}"


@dataclass(frozen=True)
class Result:
    """A page as it was measured: ours, and that of the stock admin if it has such a page."""

    page: Page
    ours: Times
    queries: int
    stock: Times | None = None
    #: How often it was measured; `ours` is the best of them.
    rounds: int = 1

    def is_within(self, bound: float) -> bool:
        """Whether the page came, and the 95th percentile of its times is at most `bound` milliseconds."""
        return not self.ours.failure and self.ours.p95 <= bound


def as_text(results: Iterable[Result]) -> list[Result]:
    """Print every page as soon as it was measured; return all."""
    print(f"{'milliseconds':<64}{'p50':>10}{'p95':>10}{'max':>10}{'queries':>9}{'stock p50':>12}{'p95':>10}{'max':>10}")
    printed = []
    for result in results:
        stock = "" if result.stock is None else f"  {result.stock}"
        print(f"{result.page.title[:63]:<64}{result.ours}{result.queries:>9}{stock}", flush=True)
        printed.append(result)
    return printed


def as_json(results: Iterable[Result]) -> list[Result]:
    """Print all pages as a list of objects; return them."""
    every = list(results)
    print(json.dumps([asdict(result) for result in every], default=lambda function: function.__module__))
    return every


def as_markdown(results: Iterable[Result]) -> list[Result]:
    """Print a table with a line for each kind of page of each table; return all pages."""
    every = sorted(results, key=lambda result: (result.page.area, result.page.kind))
    print("| pages of | kind | pages | median p50 | worst p95 | most queries | stock: median p50 | worst p95 |")
    print("|---|---|---|---|---|---|---|---|")
    for (area, kind), group in groupby(every, lambda result: (result.page.area, result.page.kind)):
        print(_line(area, kind, list(group)))
    return every


def _line(area: str, kind: str, group: list[Result]) -> str:
    stock = [result.stock for result in group if result.stock]
    cells = (
        area,
        kind,
        len(group),
        *_summary([result.ours for result in group]),
        max(result.queries for result in group),
        *(_summary(stock) if stock else ("", "")),
    )
    return f"| {' | '.join(map(str, cells))} |"


def _summary(times: list[Times]) -> tuple[str, str]:
    """Return the median of the p50 and the worst p95; of pages that did not come, the reason stands for it."""
    came = [each for each in times if not each.failure]
    failures = [each.failure for each in times if each.failure]
    median = f"{percentile([each.p50 for each in came], 0.5):.0f}" if came else failures[0]
    return median, failures[0] if failures else f"{max(each.p95 for each in came):.0f}"
