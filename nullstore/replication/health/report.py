"""What a look at both ends gives, as a value and as JSON."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from nullstore.replication.health.facts import PublisherFacts, SubscriberFacts, Unreachable
from nullstore.replication.health.verdict import Problem, Unseen, Verdict


@dataclass(frozen=True, slots=True)
class Health:
    """What `manage.py replication status` shows. `seconds` is how long it took to find out.

    `lag_bytes` is WAL that is written and not applied, `lag_seconds` how long it took until what was written is applied
    or, if `lag_is_at_least`, for how long apply has not moved; both are None where nobody can tell.
    `orphaned_tasks` counts tasks whose user is gone (1000 users at most are looked up), None if they were not counted.
    """

    verdict: Verdict
    problems: tuple[Problem, ...]
    lag_bytes: int | None
    lag_seconds: float | None
    lag_is_at_least: bool
    publisher: PublisherFacts | Unreachable
    subscriber: SubscriberFacts | Unreachable
    unseen: tuple[Unseen, ...]
    seconds: float
    orphaned_tasks: int | None = None

    def as_json(self) -> dict[str, Any]:
        """Return plain values that JSON can hold. The texts of functions are left out."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {str(name): _plain(each) for name, each in value.items() if name != "body"}
        case frozenset() | set():
            return sorted(_plain(each) for each in value)
        case list() | tuple():
            return [_plain(each) for each in value]
        case datetime():
            return value.isoformat()
        case _:
            return value
