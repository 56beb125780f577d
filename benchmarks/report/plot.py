"""Plots of cost over rows, both logarithmic, as SVG: the same text for the same numbers."""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

#: What may be drawn beside the series: how something would grow.
REFERENCES: Final[dict[str, Callable[[float], float]]] = {"log n": math.log, "n": float}
#: Text stays text, and a font of the reader's; ids come from the content.
_SETTINGS: Final = {
    "svg.fonttype": "none",
    "svg.hashsalt": "nullstore",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "Arial"],
    "font.size": 9,
}
#: Told apart also by those who do not see red and green, https://jfly.uni-koeln.de/color/; then by the marker.
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#333333")
_MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X")
_GREY: Final = "#777777"
#: Inches: of a label's line, of the plot without labels, of its height at least.
_LINE, _WIDTH, _HEIGHT = 0.17, 5.2, 4.0
#: Inches that a character takes at most on an average.
_CHARACTER: Final = 0.078


def plot(
    title: str, series: Mapping[str, Mapping[int, float]], unit: str, *, reference: Sequence[str] = ("log n",)
) -> str:
    """Return an SVG image of the series, each by rows, in `unit`; `reference` are some of REFERENCES, thin and dashed.

    Raises ValueError if there is nothing to draw.
    """
    if not any(series.values()):
        raise ValueError(f"{title}: no series to draw")
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(_SETTINGS):
        # Not pyplot: it keeps figures, and looks for a screen.
        figure = Figure(layout=None, facecolor="white")
        axes = figure.add_subplot()
        ends = _draw_series(axes, series)
        ends |= _draw_references(axes, series, reference)
        _dress(axes, title, unit, sorted({rows for values in series.values() for rows in values}))
        _label(figure, axes, ends)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return "".join(f"{line.rstrip()}\n" for line in written.getvalue().splitlines())


def _draw_series(axes: Any, series: Mapping[str, Mapping[int, float]]) -> dict[str, tuple[float, float, str]]:
    """Draw the lines; return the end of each, and its colour."""
    ends = {}
    for number, (name, values) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        marker = _MARKERS[number // len(_COLOURS) % len(_MARKERS)]
        sizes = sorted(values)
        axes.plot(sizes, [values[rows] for rows in sizes], color=colour, marker=marker, markersize=4, linewidth=1.4)
        ends[name] = (sizes[-1], values[sizes[-1]], colour)
    return ends


def _draw_references(
    axes: Any, series: Mapping[str, Mapping[int, float]], reference: Sequence[str]
) -> dict[str, tuple[float, float, str]]:
    """Draw how something would grow that began in the middle of where the series begin; return the ends."""
    sizes = [rows for values in series.values() for rows in values]
    first, last = min(sizes), max(sizes)
    starts = sorted(values[min(values)] for values in series.values())
    start = starts[len(starts) // 2]
    between = [first * (last / first) ** (step / 20) for step in range(21)]
    ends = {}
    for name in reference:
        grown = [start * REFERENCES[name](rows) / REFERENCES[name](first) for rows in between]
        axes.plot(between, grown, color=_GREY, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
        ends[f"as {name} grows"] = (last, grown[-1], _GREY)
    return ends


def _dress(axes: Any, title: str, unit: str, sizes: Sequence[int]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set(xscale="log", yscale="log", xlabel="rows", ylabel=unit)
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xticks(sizes, [f"{rows:,}" for rows in sizes])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    low, high = axes.get_ylim()
    middle = math.sqrt(low * high)
    # Noise is not to look like growth, and there are to be numbers at the axis.
    axes.set_ylim(min(low, middle / 2.5), max(high, middle * 2.5))
    steps = (1, 2, 5) if high / low < 200 else (1,)
    axes.yaxis.set_major_locator(LogLocator(subs=steps, numticks=30))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _label(figure: Any, axes: Any, ends: Mapping[str, tuple[float, float, str]]) -> None:
    """Write the name of each line beside its end, none over another, and make room for them."""
    height = max(_HEIGHT, len(ends) * _LINE + 1.2)
    width = _WIDTH + max(map(len, ends)) * _CHARACTER
    figure.set_size_inches(width, height)
    axes.set_position((0.75 / width, 0.55 / height, (_WIDTH - 1.1) / width, (height - 1) / height))
    low, high = map(math.log, axes.get_ylim())
    line = _LINE / (height - 1)
    names = sorted(ends, key=lambda name: ends[name][1])
    wanted = [(math.log(ends[name][1]) - low) / (high - low) for name in names]
    last = max(rows for rows, _, _ in ends.values())
    for name, place in zip(names, _apart(wanted, line), strict=True):
        rows, value, colour = ends[name]
        axes.annotate(
            name,
            xy=(rows, value),
            xytext=(1.05, place),
            textcoords="axes fraction",
            color=colour,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "relpos": (0, 0.5), "shrinkB": 4},
        )
    # Up to the last size, and half a marker more.
    axes.set_xlim(right=last * 1.03)


def _apart(wanted: Sequence[float], distance: float) -> list[float]:
    """Return places at least `distance` from each other, in the order of those wanted and as near to them as can be.

    Those that would touch each other become a group around their mean, moved where it would leave 0 to 1.
    """
    groups: list[list[float]] = []
    for place in wanted:
        groups.append([place])
        while len(groups) > 1 and _spread(groups[-2], distance)[-1] + distance > _spread(groups[-1], distance)[0]:
            last = groups.pop()
            groups[-1] += last
    return [place for group in groups for place in _spread(group, distance)]


def _spread(group: Sequence[float], distance: float) -> list[float]:
    length = (len(group) - 1) * distance
    first = min(max(sum(group) / len(group) - length / 2, 0), max(1 - length, 0))
    return [first + number * distance for number in range(len(group))]
