"""How sizes and lags read on the page, and the pieces that it is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nullstore.admin.show import duration
from nullstore.replication.health import Health

_UNITS: Final = ("bytes", "kB", "MB", "GB", "TB")
_STEP: Final = 1024


@dataclass(frozen=True, slots=True)
class Fact:
    """A line: `tone` is one of nullstore.admin.show.SYMBOLS for a state, "" for plain text; `items` are shown below."""

    label: str
    value: str
    tone: str = ""
    items: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Lines under a heading."""

    title: str
    facts: Sequence[Fact]


def size(count: int | None) -> str:
    """Return bytes as people say them, as PostgreSQL counts (1 kB = 1024 bytes)."""
    if count is None:
        return "unknown"
    value, unit = float(count), 0
    while abs(value) >= _STEP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{count:,} bytes" if unit == 0 else f"{value:,.1f} {_UNITS[unit]}"


def seconds(count: float | None) -> str:
    """Return seconds as people say them."""
    return "unknown" if count is None else duration(count * 1000)


def lag_facts(found: Health) -> list[Fact]:
    """Return how far the replica is behind."""
    least = "at least " if found.lag_is_at_least and found.lag_seconds is not None else ""
    return [
        Fact("in seconds", f"{least}{seconds(found.lag_seconds)}"),
        Fact("in bytes of WAL", size(found.lag_bytes)),
    ]
