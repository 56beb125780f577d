"""Problems of slots."""

import re
from collections.abc import Iterator

from nullstore import conf
from nullstore.databases import USER_SYNC
from nullstore.replication.catalog import SlotState, Subscription
from nullstore.replication.health.facts import PublisherFacts, SubscriberFacts
from nullstore.replication.health.problems.publication import RESYNC
from nullstore.replication.health.verdict import Problem
from nullstore.replication.slots import LIKE_OURS

_NEAR = 0.2
_SYNC_SLOT = re.compile(r"pg_\d+_sync_\d+_(\d+)")


def problems(publisher: PublisherFacts, subscriber: SubscriberFacts) -> Iterator[Problem]:
    """slot_missing, slot_elsewhere, slot_lost, slot_inactive, and slot_orphaned."""
    if subscriber.subscription:
        yield from _followed(publisher, subscriber, subscriber.subscription)
    if subscriber.at_work is None:
        yield from _orphaned(publisher, subscriber)


def _followed(publisher: PublisherFacts, subscriber: SubscriberFacts, ours: Subscription) -> Iterator[Problem]:
    slot = publisher.slot(ours.slot_name)
    if ours.slot_name is None:
        yield Problem(
            "slot_missing",
            f"{ours.name} is detached from its slot (slot_name = NONE)",
            "A run that replaced the subscription was killed, or somebody detached it.",
            RESYNC,
        )
    elif ours.slot_name not in subscriber.slot_names:
        named, _ = subscriber.slot_names
        yield Problem(
            "slot_elsewhere",
            f"{ours.name} follows the slot {ours.slot_name}; the one named for this database is {named}",
            "The subscription was made by hand, or came with a copy of another database.",
            RESYNC,
        )
    if slot is None and ours.slot_name is not None:
        yield Problem(
            "slot_missing",
            f"{USER_SYNC.publisher} has no slot {ours.slot_name}, which {ours.name} follows",
            "Somebody dropped it, or the server was replaced or restored.",
            RESYNC,
        )
    elif slot is not None and slot.status == "lost":
        why = f" ({slot.invalidation_reason})" if slot.invalidation_reason else ""
        yield Problem(
            "slot_lost",
            f"The slot {slot.name} is lost{why}{_since(slot)}",
            "It was not read for too long, and the server removed WAL that it still needed.",
            RESYNC,
        )
    elif slot is not None and slot.active_pid is None:
        yield _inactive(slot, subscriber, ours)


def _inactive(slot: SlotState, subscriber: SubscriberFacts, ours: Subscription) -> Problem:
    seen = f"Nobody reads the slot {slot.name}{_since(slot)}; it keeps {slot.retained or 0:,} bytes of WAL"
    if ours.enabled and subscriber.worker is not None:
        place = "{host}:{port}".format(**conf.replication_source())
        return Problem(
            "slot_inactive",
            seen,
            f"The apply worker of {ours.name} runs and does not get through to {USER_SYNC.publisher}.",
            f"See to it that the server of {USER_SYNC.subscriber} reaches {place} (REPLICATION_SOURCE_URL). It goes on "
            "by itself then.",
        )
    return Problem(
        "slot_inactive", seen, f"The subscription {ours.name} is connected to another server, or to none.", RESYNC
    )


def near_limit(publisher: PublisherFacts) -> Iterator[Problem]:
    """slot_near_limit, of every slot that this database has for a subscription."""
    for slot in publisher.slots:
        said = _left(slot, publisher.limits.bytes, publisher.limits.seconds)
        if slot.status != "lost" and said:
            yield Problem(
                "slot_near_limit",
                f"The slot {slot.name} is {slot.status} and {said}",
                "It is not read, or more slowly than the server writes. Past the limit it is lost.",
                f"Mend what else is shown here. To gain time, {USER_SYNC.publisher}: "
                + _raise_limit(slot, publisher.limits.bytes),
            )


def _left(slot: SlotState, most: int | None, seconds: float | None) -> str:
    if most is not None and slot.safe is not None and (slot.safe < _NEAR * most or slot.status == "unreserved"):
        return f"has {max(slot.safe, 0):,} of max_slot_wal_keep_size = {most:,} bytes left"
    idle = slot.inactive_seconds if slot.active_pid is None else None
    if seconds is not None and idle is not None and idle > (1 - _NEAR) * seconds:
        return f"has been idle for {idle:,.0f} of idle_replication_slot_timeout = {seconds:,.0f} s"
    return ""


def _raise_limit(slot: SlotState, most: int | None) -> str:
    if most is not None and slot.safe is not None:
        return f"ALTER SYSTEM SET max_slot_wal_keep_size = '{2 * most // 1048576}MB'; SELECT pg_reload_conf()"
    return "ALTER SYSTEM SET idle_replication_slot_timeout = 0; SELECT pg_reload_conf()"


def _orphaned(publisher: PublisherFacts, subscriber: SubscriberFacts) -> Iterator[Problem]:
    ours = subscriber.subscription
    detached = ours is not None and ours.slot_name is None  # slot_missing has its fix
    known = subscriber.followed_slots.union(subscriber.slot_names if detached else ())
    for slot in publisher.slots:
        if slot.active_pid is None and slot.name not in known and _is_ours(slot.name, subscriber):
            yield Problem(
                "slot_orphaned",
                f"The slot {slot.name} keeps {slot.retained or 0:,} bytes of WAL{_since(slot)}, and no subscription "
                f"of the server of {USER_SYNC.subscriber} follows it",
                "It is left over from a subscription that was removed or replaced, or it belongs to another "
                "installation that follows this database and is stopped now.",
                _drop(slot.name),
            )


def _drop(name: str) -> str:
    if name == USER_SYNC.subscription:  # made by hand, hence not for drop-slot
        return f"{USER_SYNC.publisher}: SELECT pg_drop_replication_slot('{name}')"
    return f"manage.py replication drop-slot {name}"


def _is_ours(name: str, subscriber: SubscriberFacts) -> bool:
    """Tell whether the slot has a name that our subscription, or its initial copy, gives."""
    if match := _SYNC_SLOT.fullmatch(name):
        copying = any(state != "r" for state in subscriber.tables.values())
        return match[1] == subscriber.system_identifier and not copying
    return name == USER_SYNC.subscription or LIKE_OURS.fullmatch(name) is not None


def _since(slot: SlotState) -> str:
    return f" since {slot.inactive_since:%Y-%m-%d %H:%M:%S %Z}" if slot.inactive_since else ""
