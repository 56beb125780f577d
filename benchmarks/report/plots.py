"""Which plots the page has, and which series are in each."""

from collections.abc import Sequence
from typing import Final

from benchmarks.report.growth import Fit
from benchmarks.report.plot import plot

#: By file: the title, how the names of the series begin, the unit, what is drawn beside them, how many series at most
#: (the slowest at the last size).
PLOTS: Final[dict[str, tuple[str, tuple[str, ...], str, tuple[str, ...], int]]] = {
    "waiting.svg": ("Replication latency and waiting", ("latency", "fence"), "ms", ("log n",), 10),
    "backfill.svg": ("Filling an empty replica", ("backfill",), "s", ("n",), 10),
    "verify.svg": ("Verification", ("verify",), "s", ("n",), 10),
    "pages.svg": ("The admin's pages, the twelve slowest kinds", ("page",), "ms", ("log n",), 12),
}


def draw(grown: Sequence[Fit]) -> dict[str, str]:
    """Return the plots as SVG by file, those for which something was measured."""
    drawn = {}
    for name, (title, beginnings, unit, reference, most) in PLOTS.items():
        chosen = [fit for fit in grown if fit.unit == unit and fit.series.startswith(beginnings)]
        chosen.sort(key=lambda fit: fit.values[max(fit.values)], reverse=True)
        if chosen:
            series = {fit.series.removeprefix("page: "): fit.values for fit in chosen[:most]}
            drawn[name] = plot(title, series, unit, reference=reference)
    return drawn
