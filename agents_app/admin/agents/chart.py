"""The chart of an agent's throughput: a bar for each hour, the failed ones in another pattern, drawn on the server."""

from dataclasses import dataclass
from typing import Final

from agents_app.admin.agents.load import Hour

#: In units of the drawing.
WIDTH, HEIGHT = 480, 96
_GAP: Final = 4


@dataclass(frozen=True, slots=True)
class Bar:
    """One hour's bar: what did not fail stands on what failed."""

    x: float
    width: float
    well_y: float
    well_height: float
    failed_y: float
    failed_height: float
    hour: Hour


def bars(hours: list[Hour]) -> list[Bar]:
    """Lay the hours out from left to right, the highest as high as the drawing."""
    highest = max((hour.finished for hour in hours), default=0) or 1
    step = WIDTH / max(1, len(hours))
    return [_bar(hour, place * step, step - _GAP, HEIGHT / highest) for place, hour in enumerate(hours)]


def _bar(hour: Hour, x: float, width: float, unit: float) -> Bar:
    failed, well = hour.failed * unit, (hour.finished - hour.failed) * unit
    top = HEIGHT - failed - well
    return Bar(
        round(x, 2), round(width, 2), round(top, 2), round(well, 2), round(HEIGHT - failed, 2), round(failed, 2), hour
    )
