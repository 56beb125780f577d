"""A look as the page and its JSON show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from django.template.loader import render_to_string
from django.urls import reverse

from nullstore import conf
from nullstore.admin.frame import Badge
from nullstore.admin.replication import publisher, subscriber
from nullstore.admin.replication.words import Fact, Group, lag_facts, seconds
from nullstore.admin.show import moment
from nullstore.admin.watching import Look
from nullstore.databases import USER_SYNC
from nullstore.replication.health import Health, Verdict, verdict_of
from nullstore.replication.health.facts import Unreachable

#: The tone of each verdict, one of nullstore.admin.show.SYMBOLS.
TONES: Final = {Verdict.OK: "good", Verdict.SYNCING: "busy", Verdict.LAGGING: "waits", Verdict.BROKEN: "bad"}
_TEMPLATE: Final = "admin/nullstore/replication/{}.html"
#: Seconds after which a look is called old.
_OLD: Final = 8.0
_LOOKING: Final = "The servers have not answered yet; they are still being looked at. This takes some seconds."


@dataclass(frozen=True, slots=True)
class End:
    """One column of the page; `missing` says why nothing is known."""

    title: str
    groups: Sequence[Group] = ()
    missing: str = ""


@lru_cache(maxsize=4)
def live_parts(look: Look | None) -> dict[str, str]:
    """Return the HTML of what changes with every look, by the name of the part."""
    found = look.health if look else None
    known = {**_known(found), "at": moment(look.at) if look else "", "looking": _LOOKING}
    parts = {part: render_to_string(_TEMPLATE.format(part), known) for part in ("verdict", "problems", "facts")}
    return {**parts, "badge": render_to_string("admin/nullstore/badge.html", known)}


def answer(look: Look | None) -> dict[str, Any]:
    """Return what the JSON endpoint says of a look; all null while there is none."""
    found = look.health if look else None
    return {
        "verdict": found.verdict if found else None,
        "problems": [_problem(found, number) for number in range(len(found.problems))] if found else [],
        "lag_bytes": found.lag_bytes if found else None,
        "lag_seconds": found.lag_seconds if found else None,
        "lag_is_at_least": found.lag_is_at_least if found else None,
        "lag_threshold": conf.lag_threshold(),
        "at": look.at.isoformat() if look else None,
        "slow": slow(look),
    }


def slow(look: Look | None) -> str:
    """Say from when the look is if it is not from just now; "" if it is."""
    if look is None or look.age < _OLD:
        return ""
    return f"The databases are slow to answer. What is shown was seen at {moment(look.at)}."


def _known(found: Health | None) -> dict[str, Any]:
    if found is None:
        badge = Badge("unknown", 0.0, reverse("admin:replication"))
        return {"verdict": None, "badge": badge, "problems": [], "ends": [], "lag": [], "unseen": []}
    return {
        "verdict": found.verdict,
        "badge": Badge(found.verdict.value, 0.0, reverse("admin:replication")),
        "tone": TONES[found.verdict],
        "problems": [_problem(found, number) for number in range(len(found.problems))],
        "ends": _ends(found),
        "lag": [*lag_facts(found), Fact("counts as lagging from", seconds(conf.lag_threshold()))],
        "unseen": found.unseen,
    }


def _problem(found: Health, number: int) -> dict[str, str]:
    problem = found.problems[number]
    verdict = verdict_of(problem)
    return {
        "code": problem.code,
        "verdict": verdict,
        "tone": TONES[verdict],
        "seen": problem.seen,
        "cause": problem.cause,
        "fix": problem.fix,
        "reference": f"{reverse('admin:replication_codes')}#{problem.code}",
    }


def _ends(found: Health) -> list[End]:
    first, second = found.publisher, found.subscriber
    titles = (f"Publisher: {USER_SYNC.publisher}", f"Subscriber: {USER_SYNC.subscriber}")
    return [
        _unreachable(titles[0], USER_SYNC.publisher, first)
        if isinstance(first, Unreachable)
        else End(titles[0], list(publisher.groups(first, second))),
        _unreachable(titles[1], USER_SYNC.subscriber, second)
        if isinstance(second, Unreachable)
        else End(titles[1], list(subscriber.groups(second))),
    ]


def _unreachable(title: str, alias: str, end: Unreachable) -> End:
    return End(title, missing=f"{alias} at {end.place} cannot be looked at, and is missing here: {end.message}")
