"""What was measured, kept as JSON for each size: the page is made of it, so that a part can be measured again."""

import datetime
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Figure, Outcome, Point, Ratio
from benchmarks.report.growth import fits
from benchmarks.report.machine import describe

HERE = Path(__file__).resolve().parents[1] / "results"


@dataclass(frozen=True)
class Measured:
    """What one benchmark has found, when (a date) and on what machine."""

    at: str
    machine: str
    outcomes: list[Outcome]


def keep(size: str, name: str, outcomes: Sequence[Outcome]) -> None:
    """Put what the benchmark `name` has found into the file of `size`, in the place of what was found at these rows."""
    path = HERE / f"{size}.json"
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    measured = {outcome.rows for outcome in outcomes}
    others = [each for each in known.get(name, {}).get("outcomes", []) if each["rows"] not in measured]
    found = sorted([*others, *map(asdict, outcomes)], key=lambda each: int(each["rows"]))
    known[name] = {"at": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}", "machine": describe(), "outcomes": found}
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def load(size: str) -> dict[str, Measured]:
    """Return what was found at `size`, by benchmark; nothing if it was never measured."""
    path = HERE / f"{size}.json"
    if not path.exists():
        return {}
    known = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Measured(each["at"], each["machine"], [_outcome(found) for found in each["outcomes"]])
        for name, each in known.items()
    }


def _outcome(found: Mapping[str, Any]) -> Outcome:
    return Outcome(
        found["rows"],
        [Figure(**each) for each in found["figures"]],
        [Ratio(**each) for each in found["ratios"]],
        [Point(**each) for each in found["points"]],
        found["notes"],
    )


def beyond(found: Mapping[str, Sequence[Outcome]]) -> Iterator[str]:
    """Yield a sentence for each ratio, and each growth, that is not within its bound."""
    for name, outcomes in found.items():
        for outcome in outcomes:
            for ratio in outcome.ratios:
                if not ratio.is_within:
                    rows = f" at {outcome.rows:,} rows" if outcome.rows else ""
                    yield f"{name}: {ratio.name}{rows}: {ratio.value:.2f}"
    for fit in fits(points_of(found)):
        if not fit.is_within:
            yield f"growth: {fit.series}: rows to the power of {fit.exponent:.2f}, at most {fit.allowed:.2f}"


def points_of(found: Mapping[str, Sequence[Outcome]]) -> list[Point]:
    """Return the points of all outcomes."""
    return [point for outcomes in found.values() for outcome in outcomes for point in outcome.points]


def as_json(found: Mapping[str, Sequence[Outcome]]) -> str:
    """Return what was found, how it grows and what is beyond its bound as one JSON object."""
    return json.dumps(
        {
            "machine": describe(),
            "benchmarks": {name: [asdict(outcome) for outcome in outcomes] for name, outcomes in found.items()},
            "growth": [asdict(fit) for fit in fits(points_of(found))],
            "beyond": list(beyond(found)),
        }
    )
