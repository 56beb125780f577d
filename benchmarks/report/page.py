"""docs/reference/performance.md and its plots, made of what is kept in benchmarks/results/."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.measure import Figure, Outcome, Ratio
from benchmarks.report.growth import Fit, fits
from benchmarks.report.plots import PLOTS, draw
from benchmarks.report.results import Measured, load, points_of
from benchmarks.report.sections import SECTIONS
from benchmarks.report.text import bound, number

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs/reference/performance.md"
IMAGES: Final = ROOT / "docs/images/performance"

_HEAD: Final = """\
# Performance

Made by `make bench-full` and `make bench` (`python -m benchmarks --help`), which print the same figures and end with 1
if one is beyond its bound; the results are kept in `benchmarks/results/`. Machines differ: use the ratios, each of
which is of one run on one machine, the cases in turn. Times have a median, a 95th and a 99th percentile over the runs
that are named, after a warm-up. Everything is forced to disk, as in production; shared buffers are a quarter of the
memory between both servers.
"""


def write() -> None:
    """Write the page and its plots from the results that are kept."""
    full, small = load("full"), load("small")
    PAGE.write_text(render(full, small), encoding="utf-8")
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, svg in draw(_growth(full) or _growth(small)).items():
        (IMAGES / name).write_text(svg, encoding="utf-8")


def render(full: dict[str, Measured], small: dict[str, Measured]) -> str:
    """Return the page with these results."""
    parts = [_HEAD]
    for name, (title, said) in SECTIONS.items():
        parts.append(f"\n## {title}\n\n{said}\n")
        if name in full:
            parts += [_machine(full[name]), *_tables(full[name])]
    parts += _growth_section(_growth(full))
    if small:
        parts.append("\n## At the small size\n\nWhat `make bench` measured last, in less than five minutes.\n")
        for name, measured in small.items():
            parts += [f"\n### {SECTIONS[name][0]}\n\n", _machine(measured), *_tables(measured)]
    return "".join(parts)


def headlines(full: dict[str, Measured]) -> list[Ratio]:
    """Return the five ratios that the README quotes: the first bounded or named one of each of the first benchmarks."""
    return [_main(full[name].outcomes).ratios[0] for name in ("latency", "backfill", "verify", "fence", "writes")]


def _main(outcomes: list[Outcome]) -> Outcome:
    """Return the outcome that has most to say: that at the size at which everything is measured."""
    return max(outcomes, key=lambda outcome: (len(outcome.ratios), outcome.rows))


def _machine(measured: Measured) -> str:
    return f"\n{measured.at}, {measured.machine}.\n"


def _tables(measured: Measured) -> Iterator[str]:
    for outcome in measured.outcomes:
        if outcome.rows:
            yield f"\n**{outcome.rows:,} users**\n"
        if outcome.figures:
            yield "\n" + "".join(_figures(outcome.figures))
        if outcome.ratios:
            yield "\n| ratio | | bound |\n|---|---|---|\n"
            yield from (f"| {ratio.name} | {number(ratio.value)} | {_verdict(ratio)} |\n" for ratio in outcome.ratios)
        if outcome.notes:
            yield "\n" + "".join(f"- {note}\n" for note in outcome.notes)


def _figures(figures: list[Figure]) -> Iterator[str]:
    columns = list(dict.fromkeys(name for figure in figures for name in figure.beside))
    titles = ["case", "unit", "median", "p95", "p99", "runs", *(name.replace("_", " ") for name in columns)]
    yield f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}\n"
    for figure in figures:
        values = (number(value) for value in (figure.median, figure.p95, figure.p99))
        beside = (figure.beside.get(name, "") for name in columns)
        yield f"| {' | '.join([figure.name, figure.unit, *values, str(figure.runs), *beside])} |\n"


def _verdict(ratio: Ratio) -> str:
    said = bound(ratio)
    return said if ratio.is_within else f"{said}: **beyond**"


def _growth(measured: dict[str, Measured]) -> list[Fit]:
    return fits(points_of({name: each.outcomes for name, each in measured.items()}))


def _growth_section(grown: list[Fit]) -> Iterator[str]:
    if not grown:
        return
    yield (
        "\n## Growth\n\nThe exponent of the number of rows by which each grows, by least squares of the logarithms, "
        "over all sizes but the smallest. What a person waits for may grow as log n does over the same sizes, all else "
        "as n, and a little more for noise: `benchmarks/report/growth.py` has the rule.\n\n"
    )
    yield from (f"![{PLOTS[name][0]}](../images/performance/{name})\n\n" for name in draw(grown))
    sizes = sorted({rows for fit in grown for rows in fit.values})
    yield f"| what | unit |{''.join(f' {rows:,} |' for rows in sizes)} exponent | at most |\n"
    yield f"|{'---|' * (len(sizes) + 4)}\n"
    for fit in sorted(grown, key=lambda fit: (fit.waited_for, fit.series)):
        values = "".join(f" {number(fit.values[rows]) if rows in fit.values else ''} |" for rows in sizes)
        beyond = "" if fit.is_within else " **beyond**"
        yield f"| {fit.series} | {fit.unit} |{values} {fit.exponent:.2f}{beyond} | {fit.allowed:.2f} |\n"
