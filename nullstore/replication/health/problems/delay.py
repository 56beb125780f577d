"""Problems of being behind, or ahead."""

from collections.abc import Iterator
from typing import Final

from nullstore.databases import USER_SYNC
from nullstore.replication.catalog import Session
from nullstore.replication.health.facts import Facts, PublisherFacts, SubscriberFacts, Watched
from nullstore.replication.health.problems.publication import RESYNC
from nullstore.replication.health.verdict import Problem

#: The wait event of a walsender that waits for standbys, from PostgreSQL 17 on.
_STANDBY: Final = "WaitForStandbyConfirmation"


def rolled_back(publisher: PublisherFacts, subscriber: SubscriberFacts) -> Iterator[Problem]:
    """source_rolled_back. The subscriber was asked after, or before: hence the slot's word, too."""
    ours = subscriber.subscription
    slot = publisher.slot(ours.slot_name) if ours else None
    read = slot.position if slot and slot.status != "lost" else None
    furthest = max((position for position in (subscriber.applied, read) if position is not None), default=0)
    if furthest > publisher.position:
        yield Problem(
            "source_rolled_back",
            f"{USER_SYNC.subscription} has applied up to byte {furthest:,} of the WAL, and {USER_SYNC.publisher} has "
            f"written {publisher.position:,}",
            f"{USER_SYNC.publisher} was restored from an older state, or replaced. What it writes until it gets there "
            "again would be passed over in silence.",
            RESYNC,
        )


def blocked(watched: Watched) -> Iterator[Problem]:
    """apply_blocked."""
    for session in watched.blockers:
        yield Problem(
            "apply_blocked",
            f"Apply waits for {_who(session)}",
            "Its transaction holds a lock on a row or table that a replicated change needs.",
            f"{USER_SYNC.subscriber}: {_end(session)}",
        )


def _who(session: Session) -> str:
    who = f"pid {session.pid}" if session.pid else f"the prepared transaction {session.transaction!r}"
    parts = [
        f"user {session.user}" if session.user else "",
        f"application {session.application}" if session.application else "",
        f"from {session.address}" if session.address else "",
        session.state or "",
    ]
    since = (
        f", whose transaction began at {session.since:%Y-%m-%d %H:%M:%S %Z}, {session.seconds:,.0f} s ago"
        if session.since and session.seconds is not None
        else ""
    )
    said = ", ".join(filter(None, parts))
    return f"{who}{f' ({said})' if said else ''}{since}"


def _end(session: Session) -> str:
    if session.pid:
        return f"SELECT pg_terminate_backend({session.pid})"
    gid = str(session.transaction).replace("'", "''")
    return f"ROLLBACK PREPARED '{gid}'"


def lagging(facts: Facts) -> Iterator[Problem]:
    """lagging."""
    watched = facts.watched
    seconds = watched.standing if watched.arrived is None else watched.arrived
    if seconds is not None and seconds > facts.threshold:
        least = "at least " if watched.arrived is None else ""
        seen = f"The replica is {least}{seconds:,.1f} s behind; NULLSTORE_LAG_THRESHOLD is {facts.threshold:g} s"
        yield Problem("lagging", seen, *_why_lagging(facts))


def _why_lagging(facts: Facts) -> tuple[str, str]:
    """Return cause and fix."""
    if isinstance(facts.publisher, PublisherFacts) and any(
        reader.waits_for == _STANDBY for reader in facts.publisher.readers
    ):
        return (
            f"{USER_SYNC.publisher} sends nothing that its standbys in synchronized_standby_slots do not have yet, and "
            "one of them is down or behind.",
            f"Start that standby. If it is gone for good, {USER_SYNC.publisher}: "
            "ALTER SYSTEM SET synchronized_standby_slots = ''; SELECT pg_reload_conf()",
        )
    return (
        "More is written than is applied, or the apply worker or what it is connected to stands still.",
        "manage.py replication wait --timeout 600",
    )
