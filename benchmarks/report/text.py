"""What a person at a terminal sees."""

from collections.abc import Mapping, Sequence

from benchmarks.measure import Figure, Outcome, Ratio
from benchmarks.report.growth import Fit, fits
from benchmarks.report.results import points_of


def of_outcome(name: str, outcome: Outcome) -> str:
    """Return the tables of one benchmark."""
    title = f"{name}, {outcome.rows:,} users" if outcome.rows else name
    lines = ["", title, "=" * len(title)]
    if outcome.figures:
        lines.append(f"{'':<64}{'median':>10}{'p95':>10}{'p99':>10}{'runs':>7}")
        lines += [_figure(figure) for figure in outcome.figures]
    lines += [_ratio(ratio) for ratio in outcome.ratios]
    lines += outcome.notes
    return "\n".join(lines)


def of_growth(found: Mapping[str, Sequence[Outcome]]) -> str:
    """Return how everything grows, steepest first; "" where only one number of rows was measured."""
    grown = sorted(fits(points_of(found)), key=lambda fit: fit.exponent, reverse=True)
    if not grown:
        return ""
    return "\n".join(["", f"{'growth':<64}{'exponent':>10}{'at most':>10}", *map(_fit, grown)])


def number(value: float) -> str:
    """Return a value with three digits that count."""
    if value >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def bound(ratio: Ratio) -> str:
    """Return what is promised of a ratio, "" for nothing."""
    said = [f"at most {ratio.most:g}"] if ratio.most is not None else []
    return " and ".join(said + ([f"at least {ratio.least:g}"] if ratio.least is not None else []))


def _figure(figure: Figure) -> str:
    name = f"{figure.name} ({figure.unit})"
    beside = "  ".join(f"{what.replace('_', ' ')} {value}" for what, value in figure.beside.items())
    values = "".join(f"{number(value):>10}" for value in (figure.median, figure.p95, figure.p99))
    return f"{name:<64}{values}{figure.runs:>7}  {beside}".rstrip()


def _ratio(ratio: Ratio) -> str:
    promised = bound(ratio)
    verdict = f"  ({promised}{'' if ratio.is_within else ': BEYOND'})" if promised else ""
    return f"{ratio.name:<64}{number(ratio.value):>10}{verdict}  {ratio.note}".rstrip()


def _fit(fit: Fit) -> str:
    return f"{fit.series[:63]:<64}{fit.exponent:>10.2f}{fit.allowed:>10.2f}{'' if fit.is_within else '  BEYOND'}"
