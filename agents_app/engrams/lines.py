"""How two texts differ, line by line."""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import Final, NamedTuple

#: How many lines of each text are compared, from the first one that differs: many equal lines take quadratic time.
COMPARED: Final = 1500
#: How many lines are listed.
LISTED: Final = 400
#: Characters of a line.
SHOWN: Final = 1000
#: How many lines around a difference are shown.
CONTEXT: Final = 3

SIGNS: Final = {"removed": "-", "added": "+", "equal": " ", "skipped": "…"}


class Line(NamedTuple):
    """A line, its sign and its number in either text; `kind` is one of SIGNS."""

    kind: str
    text: str
    old: int | None = None
    new: int | None = None

    @property
    def sign(self) -> str:
        return SIGNS[self.kind]


class Lines(NamedTuple):
    """The differing lines with those around them; `missing` says what was cut off."""

    listed: list[Line]
    missing: str = ""

    @property
    def differ(self) -> bool:
        return any(line.kind in ("removed", "added") for line in self.listed)


def lines(old: str, new: str) -> Lines:
    """Return the lines in which `old` and `new` differ."""
    olds, news = (text.split("\n") if text else [] for text in (old, new))
    start = _common(olds, news)
    end = _common(olds[start:][::-1], news[start:][::-1])
    first = max(0, start - CONTEXT)
    tail = max(0, end - CONTEXT)
    compared = olds[first : len(olds) - tail], news[first : len(news) - tail]
    cut = max(map(len, compared)) > COMPARED
    found = list(_lines(compared[0][:COMPARED], compared[1][:COMPARED], first))
    missing = f"Cut off: {COMPARED:,} lines are compared, from the first one that differs." if cut else ""
    if len(found) > LISTED:
        missing = f"Cut off after {LISTED} of {len(found):,} lines."
    return Lines(found[:LISTED], missing)


def _common(olds: Sequence[str], news: Sequence[str]) -> int:
    """Return with how many equal lines both begin."""
    differing = (number for number, (old, new) in enumerate(zip(olds, news, strict=False)) if old != new)
    return next(differing, min(len(olds), len(news)))


def _lines(olds: list[str], news: list[str], before: int) -> Iterator[Line]:
    """Yield the lines of a unified difference; `before` lines precede both texts."""
    matcher = SequenceMatcher(None, olds, news, autojunk=True)
    for number, group in enumerate(matcher.get_grouped_opcodes(CONTEXT)):
        if number or before or group[0][1]:
            yield Line("skipped", "")
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                for i, j in zip(range(i1, i2), range(j1, j2), strict=True):
                    yield Line("equal", _shown(olds[i]), before + i + 1, before + j + 1)
                continue
            for i in range(i1, i2):
                yield Line("removed", _shown(olds[i]), before + i + 1)
            for j in range(j1, j2):
                yield Line("added", _shown(news[j]), None, before + j + 1)


def _shown(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}… ({len(text):,} characters)"
