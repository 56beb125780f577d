"""Numbers as bars: positions and sizes, in the units of the drawing that the templates make of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nullstore.admin.start.figures import Counted

#: The drawing of a series of days; of one part.
WIDTH, HEIGHT, GAP = 420, 110, 4
LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a drawing, and what it stands for. `x` and `y` are those of its upper left corner."""

    of: Counted
    x: float
    y: float
    width: float
    height: float


def upright(counted: Sequence[Counted]) -> list[Bar]:
    """Return bars side by side, as high as there is room for the most. What is not 0 can be seen."""
    most = max((int(each.count) for each in counted), default=0) or 1
    step = WIDTH / max(len(counted), 1)
    heights = [_part(int(each.count), most, HEIGHT) for each in counted]
    return [
        Bar(each, round(number * step + GAP / 2, 1), HEIGHT - height, round(step - GAP, 1), height)
        for number, (each, height) in enumerate(zip(counted, heights, strict=True))
    ]


def lying(counted: Sequence[Counted]) -> list[Bar]:
    """Return one bar for each, which begins at 0."""
    most = max((int(each.count) for each in counted), default=0) or 1
    return [Bar(each, 0, 0, _part(int(each.count), most, LENGTH), 12) for each in counted]


def _part(number: int, most: int, whole: int) -> float:
    return max(round(number / most * whole, 1), 2) if number else 0
