"""Whether a trigger is as a migration declares it."""

import re
from typing import Final

from nullstore.replication.catalog import Trigger
from nullstore.triggers import TriggerOperation

_INITIAL: Final = {"ORIGIN": "O", "ALWAYS": "A", "REPLICA": "R", "DISABLED": "D"}
_CAST: Final = re.compile(r"::[a-z_ ]+(\[\])?")


def as_declared(wanted: TriggerOperation, found: Trigger | None) -> bool:
    """Tell whether the trigger is there, fires when it should, and does what it should."""
    return found is not None and enabled(wanted, found) and fires(wanted, found) and same_body(wanted, found)


def enabled(wanted: TriggerOperation, found: Trigger) -> bool:
    """Tell whether it is enabled for the same sessions."""
    return found.enabled == _INITIAL[wanted.enable]


def same_body(wanted: TriggerOperation, found: Trigger) -> bool:
    """Tell whether it runs the same function."""
    return found.body.strip() == wanted.body.strip()


def fires(wanted: TriggerOperation, found: Trigger) -> bool:
    """Tell whether it fires at the same events, at the same time, on the same condition."""
    return (wanted.timing, wanted.level, frozenset(map(_sorted, wanted.events)), _plain(wanted.when)) == (
        found.timing,
        found.level,
        found.events,
        _plain(found.when),
    )


def _sorted(event: str) -> str:
    verb, of, names = event.partition(" OF ")
    return f"{verb}{of}{', '.join(sorted(names.split(', ')))}" if of else event


def _plain(condition: str | None) -> str | None:
    """Return the condition as its author and the server both spell it: the server adds brackets and casts."""
    if condition is None:
        return None
    return re.sub(r"[\s()]", "", _CAST.sub("", condition.lower()))
